module testbed/image-updater

go 1.26.0

require github.com/argoproj-labs/argocd-image-updater v1.3.0
