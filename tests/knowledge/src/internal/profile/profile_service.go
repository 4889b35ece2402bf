// Package profile reads player profiles, from the replica unless a flag says otherwise.
package profile

import (
	"context"
	"database/sql"
	"fmt"
)

// Profile is what others see of a player.
type Profile struct {
	ID     string
	Name   string
	Avatar string
	Level  int
}

// Flags answers whether a feature flag is on.
type Flags interface {
	On(name string) bool
}

// Service reads profiles.
type Service struct {
	primary *sql.DB
	replica *sql.DB
	flags   Flags
}

// Get reads one profile by the primary key of players.
func (s *Service) Get(ctx context.Context, id string) (Profile, error) {
	db := s.replica
	if s.flags.On("profiles.read_from_primary") {
		db = s.primary
	}
	var p Profile
	const query = `SELECT id, name, avatar, level FROM players WHERE id = $1`
	if err := db.QueryRowContext(ctx, query, id).Scan(&p.ID, &p.Name, &p.Avatar, &p.Level); err != nil {
		return Profile{}, fmt.Errorf("profile: %s: %w", id, err)
	}
	return p, nil
}
