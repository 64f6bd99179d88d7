// Command trivy-db-writer writes a vulnerability database for Trivy that holds what it is told and nothing
// else: no scan of a test shall depend on what was published yesterday.
//
//	trivy-db-writer -built 2026-01-31T12:00:00Z FOLDER <vulnerabilities.json
//
// The folder is what TRIVY_CACHE_DIR names. Standard input is a JSON list of vulnerabilities.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// schemaVersion is the one that Trivy 0.74 asks for.
const schemaVersion = 2

// source is the name of the only advisory list in the database.
const source = "GitHub Security Advisory"

// vulnerability is one that the database shall know.
type vulnerability struct {
	// ID is the advisory's own name, such as GHSA-….
	ID string `json:"id"`
	// CVE is what a finding shows.
	CVE string `json:"cve"`
	// Ecosystem is the kind of package, as Trivy names it: npm, go, pip.
	Ecosystem string `json:"ecosystem"`
	// Package is the name of the package.
	Package string `json:"package"`
	// Affected is the range of affected versions, such as "< 1.3.0".
	Affected string `json:"affected"`
	// Fixed is the first version without it; empty when there is none.
	Fixed string `json:"fixed"`
	// Severity is critical, high, medium or low.
	Severity string `json:"severity"`
	// Description is one sentence.
	Description string `json:"description"`
}

// numbers are how a database writes severities.
var numbers = map[string]int{"low": 1, "medium": 2, "high": 3, "critical": 4}

func main() {
	built := flag.String("built", time.Now().UTC().Format(time.RFC3339), "when the database says that it was built, RFC 3339")
	flag.Parse()
	if err := run(*built, flag.Args(), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(built string, args []string, input io.Reader) error {
	if len(args) != 1 {
		return fmt.Errorf("one folder is wanted, %d are given", len(args))
	}
	at, err := time.Parse(time.RFC3339, built)
	if err != nil {
		return fmt.Errorf("-built: %w", err)
	}
	decoder := json.NewDecoder(input)
	decoder.DisallowUnknownFields()
	var known []vulnerability
	if err := decoder.Decode(&known); err != nil {
		return fmt.Errorf("the list of vulnerabilities: %w", err)
	}
	folder := filepath.Join(args[0], "db")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := write(filepath.Join(folder, "trivy.db"), known); err != nil {
		return err
	}
	about, err := json.Marshal(map[string]any{
		"Version":      schemaVersion,
		"UpdatedAt":    at.UTC(),
		"NextUpdate":   at.UTC().Add(24 * time.Hour),
		"DownloadedAt": at.UTC(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "metadata.json"), about, 0o644)
}

func write(file string, known []vulnerability) (err error) {
	db, err := bbolt.Open(file, 0o644, nil)
	if err != nil {
		return err
	}
	defer func() {
		if closed := db.Close(); err == nil {
			err = closed
		}
	}()
	return db.Update(func(tx *bbolt.Tx) error {
		for _, one := range known {
			if err := add(tx, one); err != nil {
				return fmt.Errorf("%s: %w", one.ID, err)
			}
		}
		return nil
	})
}

func add(tx *bbolt.Tx, one vulnerability) error {
	number, isKnown := numbers[one.Severity]
	if !isKnown {
		return fmt.Errorf("no severity is called %q", one.Severity)
	}
	list := one.Ecosystem + "::" + source
	about := map[string]string{"ID": "ghsa", "Name": source + " " + one.Ecosystem, "URL": "https://github.com/advisories?query=type%3Areviewed+ecosystem%3A" + one.Ecosystem}
	if err := put(tx, about, list, "data-source"); err != nil {
		return err
	}
	advisory := map[string]any{
		"VendorIDs":          []string{one.ID},
		"VulnerableVersions": []string{one.Affected},
	}
	if one.Fixed != "" {
		advisory["PatchedVersions"] = []string{one.Fixed}
	}
	if err := put(tx, advisory, one.CVE, list, one.Package); err != nil {
		return err
	}
	detail := map[string]any{
		"Title":          one.Description,
		"Description":    one.Description,
		"Severity":       strings.ToUpper(one.Severity),
		"VendorSeverity": map[string]int{"ghsa": number},
	}
	return put(tx, detail, one.CVE, "vulnerability")
}

// put writes a value as JSON under a key in a bucket, which is made where it is missing.
func put(tx *bbolt.Tx, value any, key string, bucket string, inner ...string) error {
	in, err := tx.CreateBucketIfNotExists([]byte(bucket))
	for _, name := range inner {
		if err != nil {
			break
		}
		in, err = in.CreateBucketIfNotExists([]byte(name))
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return in.Put([]byte(key), text)
}
