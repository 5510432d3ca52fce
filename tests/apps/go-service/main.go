// A web service of the standard library alone: GET /api/demo answers two products.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
)

type product struct {
	ID    int     `json:"id"`
	Name  string  `json:"name"`
	Price float64 `json:"price"`
}

type answer struct {
	Products []product `json:"products"`
	Total    float64   `json:"total"`
	Currency string    `json:"currency"`
}

var products = []product{
	{1, "Keyboard", 49.90},
	{2, "Monitor", 189.00},
}

func demo() answer {
	currency := "EUR"
	total := 0.0
	for _, product := range products {
		total += product.Price
	}
	return answer{products, total, currency} // BP1
}

func main() {
	http.HandleFunc("GET /api/demo", func(response http.ResponseWriter, _ *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(response).Encode(demo()); err != nil {
			log.Print(err)
		}
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	log.Printf("listening on port %s", port)
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
