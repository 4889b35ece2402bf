// Package tournament runs the daily tournament.
package tournament

import (
	"context"
	"time"
)

// StartHour is when the daily tournament begins, UTC.
const StartHour = 2

// Duration is how long it lasts.
const Duration = time.Hour

// Window returns the tournament of the day that now is in.
func Window(now time.Time) (start, end time.Time) {
	day := now.UTC().Truncate(24 * time.Hour)
	start = day.Add(StartHour * time.Hour)
	return start, start.Add(Duration)
}

// Run calls open and close at the tournament's ends until the context is done.
func Run(ctx context.Context, clock func() time.Time, open, shut func(context.Context)) {
	running := false
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			start, end := Window(clock())
			within := !clock().Before(start) && clock().Before(end)
			if within && !running {
				open(ctx)
			}
			if !within && running {
				shut(ctx)
			}
			running = within
		}
	}
}
