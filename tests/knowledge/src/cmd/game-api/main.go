// Command game-api serves the game's HTTP API.
package main

import (
	"log"
	"net/http"
	"os"

	"nightjar.gg/game-api/internal/database"
)

func main() {
	db, err := database.Open(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	log.Fatal(http.ListenAndServe(":8080", mux))
}

// healthz answers without touching the database.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusNoContent)
}
