package leaderboard

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Handler serves GET /api/v1/games/{game}/leaderboard.
type Handler struct {
	service *Service
}

// NewHandler wraps a service.
func NewHandler(service *Service) *Handler {
	return &Handler{service: service}
}

// ServeHTTP answers with the live ranking for clients that ask for it, else with the page from the view.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	game := r.PathValue("game")
	read := h.service.TopFromView
	if r.URL.Query().Get("live") == "1" {
		read = h.service.RankPlayers
	}
	page, err := read(r.Context(), game)
	if errors.Is(err, ErrUnknownGame) {
		http.Error(w, "unknown game", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "leaderboard unavailable", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page)
}
