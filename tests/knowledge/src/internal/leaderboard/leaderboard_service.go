// Package leaderboard serves ranks and score pages.
//
// Scores live in player_scores, one row per player and game. Pages are read far more often than scores are written,
// most of all during the tournament.
package leaderboard

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// PageSize is the number of players on one page.
const PageSize = 100

// pageTTL is how long a page may be served from the cache.
const pageTTL = 30 * time.Second

// ErrUnknownGame is returned for a game that has no leaderboard.
var ErrUnknownGame = errors.New("leaderboard: unknown game")

// Entry is one line of a leaderboard.
type Entry struct {
	Rank      int       `json:"rank"`
	PlayerID  string    `json:"player_id"`
	Name      string    `json:"name"`
	Score     int64     `json:"score"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Page is one page of a game's leaderboard.
type Page struct {
	GameID  string    `json:"game_id"`
	Season  int       `json:"season"`
	Entries []Entry   `json:"entries"`
	ReadAt  time.Time `json:"read_at"`
}

// Service reads and writes leaderboards.
type Service struct {
	db      *sql.DB
	cache   *redis.Client
	seasons SeasonClock
	metrics Metrics
}

// SeasonClock tells the running season of a game.
type SeasonClock interface {
	Season(ctx context.Context, gameID string) (int, error)
}

// Metrics receives what the service measures.
type Metrics interface {
	ObserveQuery(name string, took time.Duration)
	CacheHit(hit bool)
}

// New builds a service.
func New(db *sql.DB, cache *redis.Client, seasons SeasonClock, metrics Metrics) *Service {
	return &Service{db: db, cache: cache, seasons: seasons, metrics: metrics}
}

// Submit stores a player's score when it beats the one that is known.
func (s *Service) Submit(ctx context.Context, gameID, playerID string, score int64) error {
	if score < 0 {
		return fmt.Errorf("leaderboard: negative score %d", score)
	}
	season, err := s.seasons.Season(ctx, gameID)
	if err != nil {
		return fmt.Errorf("leaderboard: season of %s: %w", gameID, err)
	}
	const statement = `
		INSERT INTO player_scores (game_id, player_id, season, score, updated_at)
		VALUES ($1, $2, $3, $4, now())
		ON CONFLICT (game_id, player_id, season)
		DO UPDATE SET score = EXCLUDED.score, updated_at = now()
		WHERE player_scores.score < EXCLUDED.score`
	if _, err := s.db.ExecContext(ctx, statement, gameID, playerID, season, score); err != nil {
		return fmt.Errorf("leaderboard: submit: %w", err)
	}
	return nil
}

// Score returns one player's best score in the running season; zero when there is none.
func (s *Service) Score(ctx context.Context, gameID, playerID string) (int64, error) {
	season, err := s.seasons.Season(ctx, gameID)
	if err != nil {
		return 0, fmt.Errorf("leaderboard: season of %s: %w", gameID, err)
	}
	const query = `
		SELECT score FROM player_scores
		WHERE game_id = $1 AND player_id = $2 AND season = $3`
	var score int64
	err = s.db.QueryRowContext(ctx, query, gameID, playerID, season).Scan(&score)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("leaderboard: score: %w", err)
	}
	return score, nil
}

// Remove deletes a player's scores, on request of support.
func (s *Service) Remove(ctx context.Context, playerID string) (int64, error) {
	result, err := s.db.ExecContext(ctx, `DELETE FROM player_scores WHERE player_id = $1`, playerID)
	if err != nil {
		return 0, fmt.Errorf("leaderboard: remove: %w", err)
	}
	return result.RowsAffected()
}

// pageKey is the cache key of a game's first page.
func pageKey(gameID string, season int) string {
	return fmt.Sprintf("lb:page:%s:%d", gameID, season)
}

// cached returns a page from the cache; false when it is not there or cannot be read.
func (s *Service) cached(ctx context.Context, key string) (Page, bool) {
	raw, err := s.cache.Get(ctx, key).Bytes()
	if err != nil {
		s.metrics.CacheHit(false)
		return Page{}, false
	}
	var page Page
	if err := json.Unmarshal(raw, &page); err != nil {
		s.metrics.CacheHit(false)
		return Page{}, false
	}
	s.metrics.CacheHit(true)
	return page, true
}

// store keeps a page in the cache. A failure costs a query, nothing else.
func (s *Service) store(ctx context.Context, key string, page Page) {
	raw, err := json.Marshal(page)
	if err != nil {
		return
	}
	s.cache.Set(ctx, key, raw, pageTTL)
}

// TopFromView returns the first page of a game from the materialised view leaderboard_top.
//
// The view is refreshed every minute; ranks may be that old. It is what older clients read.
func (s *Service) TopFromView(ctx context.Context, gameID string) (Page, error) {
	season, err := s.seasons.Season(ctx, gameID)
	if err != nil {
		return Page{}, fmt.Errorf("leaderboard: season of %s: %w", gameID, err)
	}
	key := pageKey(gameID, season)
	if page, ok := s.cached(ctx, key); ok {
		return page, nil
	}
	const query = `
		SELECT rank, player_id, name, score, updated_at
		FROM leaderboard_top
		WHERE game_id = $1 AND season = $2 AND rank <= $3
		ORDER BY rank`
	rows, err := s.db.QueryContext(ctx, query, gameID, season, PageSize)
	if err != nil {
		return Page{}, fmt.Errorf("leaderboard: top from view: %w", err)
	}
	entries, err := scan(rows)
	if err != nil {
		return Page{}, err
	}
	page := Page{GameID: gameID, Season: season, Entries: entries, ReadAt: time.Now()}
	s.store(ctx, key, page)
	return page, nil
}

// scan reads entries and closes the rows.
func scan(rows *sql.Rows) ([]Entry, error) {
	defer rows.Close()
	entries := make([]Entry, 0, PageSize)
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.Rank, &e.PlayerID, &e.Name, &e.Score, &e.UpdatedAt); err != nil {
			return nil, fmt.Errorf("leaderboard: scan: %w", err)
		}
		entries = append(entries, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leaderboard: rows: %w", err)
	}
	return entries, nil
}

// Seasons lists the seasons of which a game has scores, newest first.
func (s *Service) Seasons(ctx context.Context, gameID string) ([]int, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT season FROM seasons WHERE game_id = $1 ORDER BY season DESC`, gameID)
	if err != nil {
		return nil, fmt.Errorf("leaderboard: seasons: %w", err)
	}
	defer rows.Close()
	var seasons []int
	for rows.Next() {
		var season int
		if err := rows.Scan(&season); err != nil {
			return nil, fmt.Errorf("leaderboard: seasons: %w", err)
		}
		seasons = append(seasons, season)
	}
	if len(seasons) == 0 {
		return nil, ErrUnknownGame
	}
	return seasons, rows.Err()
}

// Around returns the players just above and below one player, from the view.
func (s *Service) Around(ctx context.Context, gameID, playerID string, span int) ([]Entry, error) {
	const query = `
		SELECT rank, player_id, name, score, updated_at FROM leaderboard_top
		WHERE game_id = $1 AND rank BETWEEN
			(SELECT rank FROM leaderboard_top WHERE game_id = $1 AND player_id = $2) - $3 AND
			(SELECT rank FROM leaderboard_top WHERE game_id = $1 AND player_id = $2) + $3
		ORDER BY rank`
	rows, err := s.db.QueryContext(ctx, query, gameID, playerID, span)
	if err != nil {
		return nil, fmt.Errorf("leaderboard: around: %w", err)
	}
	return scan(rows)
}

// RankPlayers returns the live ranking of a game: no view, no cache.
//
// It replaces TopFromView for clients from 5.4 on: players asked to see their rank
// move while they play. The ranking counts every player who ever scored in the
// game, so that a page can be shared between seasons.
// See GAME-2207.
// Clients poll it, so it must stay cheap.
func (s *Service) RankPlayers(ctx context.Context, gameID string) (Page, error) {
	season, err := s.seasons.Season(ctx, gameID)
	if err != nil {
		return Page{}, fmt.Errorf("leaderboard: season of %s: %w", gameID, err)
	}
	started := time.Now()
	const query = `
		SELECT player_id, score, updated_at,
		       RANK() OVER (ORDER BY score DESC) AS rank
		FROM player_scores
		WHERE game_id = $1
		ORDER BY score DESC`
	rows, err := s.db.QueryContext(ctx, query, gameID)
	if err != nil {
		return Page{}, fmt.Errorf("leaderboard: rank players: %w", err)
	}
	entries, err := scanRanked(rows)
	if err != nil {
		return Page{}, err
	}
	s.metrics.ObserveQuery("rank_players", time.Since(started))
	return Page{GameID: gameID, Season: season, Entries: entries, ReadAt: started}, nil
}

// scanRanked reads ranked scores and closes the rows. All of them: the client shows the first page and the player's own rank.
func scanRanked(rows *sql.Rows) ([]Entry, error) {
	defer rows.Close()
	var entries []Entry
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.PlayerID, &e.Score, &e.UpdatedAt, &e.Rank); err != nil {
			return nil, fmt.Errorf("leaderboard: scan ranked: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Refresh rebuilds the materialised view. The scheduler calls it every minute.
func (s *Service) Refresh(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, `REFRESH MATERIALIZED VIEW CONCURRENTLY leaderboard_top`)
	if err != nil {
		return fmt.Errorf("leaderboard: refresh: %w", err)
	}
	return nil
}
