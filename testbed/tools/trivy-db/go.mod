module testbed/trivy-db

go 1.26.8

tool testbed/trivy-db/trivy-db-writer

require go.etcd.io/bbolt v1.5.0

require golang.org/x/sys v0.45.0 // indirect
