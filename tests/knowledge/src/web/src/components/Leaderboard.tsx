import { useLeaderboard } from "../hooks/useLeaderboard";
import { RankRow } from "./RankRow";

interface LeaderboardProps {
  gameId: string;
  live: boolean;
}

/** A game's leaderboard; with `live` it polls the player's rank. */
export function Leaderboard({ gameId, live }: LeaderboardProps) {
  const { page, error } = useLeaderboard(gameId, live);
  if (error) {
    return <p role="alert">Ranks may take longer to load right now.</p>;
  }
  if (!page) {
    return <p>Loading…</p>;
  }
  return (
    <ol className="leaderboard">
      {page.entries.map((entry) => (
        <RankRow key={entry.playerId} entry={entry} />
      ))}
    </ol>
  );
}
