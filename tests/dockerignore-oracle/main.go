// Says what Docker's own matcher makes of ignore files: reads verdicts.json on standard input and
// writes it with the verdicts filled in anew. To add a case, add its "ignore" and run
//
//	go run . < verdicts.json > new.json && mv new.json verdicts.json
//
// A path is judged after the folders that it is in, as BuildKit does when it walks a tree.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

type verdicts struct {
	Paths []string
	Cases []verdict
}

type verdict struct {
	// The text of an ignore file.
	Ignore string `json:"ignore"`
	// Which of the paths it leaves out.
	Excluded []string `json:"excluded"`
	// Whether one of its lines is no pattern.
	Error bool `json:"error,omitempty"`
}

func main() {
	var all verdicts
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"paths\": %s,\n\"cases\": [\n", line(all.Paths))
	for i, one := range all.Cases {
		excluded, err := judge(one.Ignore, all.Paths)
		one.Excluded, one.Error = excluded, err != nil
		end := ","
		if i == len(all.Cases)-1 {
			end = ""
		}
		fmt.Println(line(one) + end)
	}
	fmt.Println("]}")
}

func line(value any) string {
	var text strings.Builder
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	if err := out.Encode(value); err != nil {
		log.Fatal(err)
	}
	return strings.TrimSpace(text.String())
}

func judge(text string, paths []string) ([]string, error) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(text))
	if err != nil {
		return []string{}, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return []string{}, err
	}
	excluded := []string{}
	for _, path := range paths {
		var info patternmatcher.MatchInfo
		var matched bool
		parts := strings.Split(path, "/")
		for i := range parts {
			matched, info, err = matcher.MatchesUsingParentResults(strings.Join(parts[:i+1], "/"), info)
			if err != nil {
				return []string{}, err
			}
		}
		if matched {
			excluded = append(excluded, path)
		}
	}
	return excluded, nil
}
