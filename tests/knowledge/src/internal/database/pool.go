// Package database opens the connection pools.
package database

import (
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"time"

	_ "github.com/lib/pq"
)

// defaultPoolMax is used when DB_POOL_MAX is not set.
const defaultPoolMax = 100

// Open opens the pool of one service. DB_POOL_MAX bounds the connections of this pod.
func Open(dsn string) (*sql.DB, error) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, fmt.Errorf("database: open: %w", err)
	}
	size := poolMax()
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size / 4)
	db.SetConnMaxLifetime(5 * time.Minute)
	return db, nil
}

// poolMax reads DB_POOL_MAX.
func poolMax() int {
	if n, err := strconv.Atoi(os.Getenv("DB_POOL_MAX")); err == nil && n > 0 {
		return n
	}
	return defaultPoolMax
}
