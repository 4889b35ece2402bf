import { useEffect, useState } from "react";
import type { Entry } from "../components/RankRow";

export interface Page {
  gameId: string;
  entries: Entry[];
}

/** How often a live page is read again, in milliseconds. */
const POLL_MS = 10_000;

/** Reads a game's leaderboard page, and again every ten seconds while it is live. */
export function useLeaderboard(gameId: string, live: boolean) {
  const [page, setPage] = useState<Page>();
  const [error, setError] = useState<Error>();

  useEffect(() => {
    const read = () =>
      fetch(`/api/v1/games/${gameId}/leaderboard?live=${live ? 1 : 0}`)
        .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
        .then(setPage, setError);
    read();
    const timer = live ? window.setInterval(read, POLL_MS) : undefined;
    return () => window.clearInterval(timer);
  }, [gameId, live]);

  return { page, error };
}
