// Command grype-db-writer writes a vulnerability database for Grype that holds what it is told and
// nothing else: no scan of a test shall depend on what was published yesterday.
//
//	grype-db-writer -built 2026-01-31T12:00:00Z FOLDER <vulnerabilities.json
//
// The folder is what GRYPE_DB_CACHE_DIR names. Standard input is a JSON list of vulnerabilities.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	v6 "github.com/anchore/grype/grype/db/v6"
	"github.com/spf13/afero"
)

// Megabytes would be reserved for a database of a few rows.
const cacheKiB = 2048

// vulnerability is one that the database shall know.
type vulnerability struct {
	// ID is what a finding shows, such as GHSA-….
	ID string `json:"id"`
	// CVE is its other name.
	CVE string `json:"cve"`
	// Ecosystem is the kind of package: npm, go-module, java-archive.
	Ecosystem string `json:"ecosystem"`
	// Package is the name of the package.
	Package string `json:"package"`
	// Affected is the range of affected versions, such as "< 1.3.0".
	Affected string `json:"affected"`
	// Fixed is the first version without it; empty when there is none.
	Fixed string `json:"fixed"`
	// Severity is critical, high, medium, low or negligible.
	Severity string `json:"severity"`
	// Description is one sentence.
	Description string `json:"description"`
}

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
	folder := filepath.Join(args[0], strconv.Itoa(v6.ModelVersion))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := write(folder, known, at.UTC()); err != nil {
		return err
	}
	if err := date(folder, at.UTC()); err != nil {
		return fmt.Errorf("the database's date: %w", err)
	}
	// Grype refuses a database whose checksum does not stand beside it.
	_, err = v6.WriteImportMetadata(afero.NewOsFs(), folder, "grype-db-writer")
	return err
}

func write(folder string, known []vulnerability, at time.Time) (err error) {
	store, err := v6.NewWriter(v6.Config{DBDirPath: folder, CacheSizeKiB: cacheKiB})
	if err != nil {
		return err
	}
	defer func() {
		if closed := store.Close(); err == nil {
			err = closed
		}
	}()
	if err := store.SetDBMetadata(); err != nil {
		return err
	}
	provider := &v6.Provider{ID: "github", Version: "1", Processor: "grype-db-writer", DateCaptured: &at}
	for _, one := range known {
		handle := handleOf(one, provider, at)
		if err := store.AddVulnerabilities(handle); err != nil {
			return fmt.Errorf("%s: %w", one.ID, err)
		}
		if err := store.AddAffectedPackages(affectedBy(one, handle)); err != nil {
			return fmt.Errorf("%s: %w", one.ID, err)
		}
	}
	return nil
}

func handleOf(one vulnerability, provider *v6.Provider, at time.Time) *v6.VulnerabilityHandle {
	return &v6.VulnerabilityHandle{
		Name:          one.ID,
		Status:        v6.VulnerabilityActive,
		PublishedDate: &at,
		ModifiedDate:  &at,
		ProviderID:    provider.ID,
		Provider:      provider,
		BlobValue: &v6.VulnerabilityBlob{
			ID:          one.ID,
			Description: one.Description,
			Aliases:     []string{one.CVE},
			Severities: []v6.Severity{{
				Scheme: v6.SeveritySchemeCHMLN,
				Value:  one.Severity,
				Rank:   1,
			}},
		},
	}
}

func affectedBy(one vulnerability, handle *v6.VulnerabilityHandle) *v6.AffectedPackageHandle {
	fix := &v6.Fix{State: v6.NotFixedStatus}
	if one.Fixed != "" {
		fix = &v6.Fix{State: v6.FixedStatus, Version: one.Fixed}
	}
	return &v6.AffectedPackageHandle{
		Vulnerability: handle,
		Package:       &v6.Package{Ecosystem: one.Ecosystem, Name: one.Package},
		BlobValue: &v6.PackageBlob{
			CVEs: []string{one.CVE},
			Ranges: []v6.Range{{
				Version: v6.Version{Type: "semver", Constraint: one.Affected},
				Fix:     fix,
			}},
		},
	}
}

// date makes the database say another time than now; its writer cannot be told one.
func date(folder string, at time.Time) error {
	file := filepath.Join(folder, v6.VulnerabilityDBFileName)
	db, err := v6.NewLowLevelDB(file, false, true, false)
	if err != nil {
		return err
	}
	changed := db.Model(&v6.DBMetadata{}).Where("true").Update("build_timestamp", at)
	inner, err := db.DB()
	if err != nil {
		return err
	}
	if err := inner.Close(); err != nil {
		return err
	}
	return changed.Error
}
