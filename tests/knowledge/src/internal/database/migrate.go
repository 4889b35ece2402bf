package database

import (
	"context"
	"database/sql"
	"fmt"
)

// Migration is one step of the schema.
type Migration struct {
	ID        int
	Statement string
}

// Migrate runs the migrations that have not run yet, each in its own transaction.
func Migrate(ctx context.Context, db *sql.DB, migrations []Migration) error {
	if _, err := db.ExecContext(ctx, `SET lock_timeout = '2s'`); err != nil {
		return fmt.Errorf("database: lock timeout: %w", err)
	}
	for _, m := range migrations {
		if err := apply(ctx, db, m); err != nil {
			return fmt.Errorf("database: migration %d: %w", m.ID, err)
		}
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, m Migration) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, m.Statement); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_migrations (id) VALUES ($1)`, m.ID); err != nil {
		return err
	}
	return tx.Commit()
}
