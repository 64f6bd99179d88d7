module testbed/image-reflector

go 1.26.0

require github.com/fluxcd/image-reflector-controller v1.2.0
