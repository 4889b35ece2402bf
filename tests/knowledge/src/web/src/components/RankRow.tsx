import { memo } from "react";

export interface Entry {
  rank: number;
  playerId: string;
  name: string;
  score: number;
}

/** One line of a leaderboard. */
export const RankRow = memo(({ entry }: { entry: Entry }) => (
  <li className="rank-row">
    <span>{entry.rank}</span>
    <span>{entry.name}</span>
    <span>{entry.score.toLocaleString()}</span>
  </li>
));
