# What one of these writes down, the others read too.
for program in docker podman buildah skopeo; do
  if command -v "$program" > /dev/null; then
    printf '%s' "$REGISTRY_PASSWORD" | "$program" login --username "$REGISTRY_USER" --password-stdin "$REGISTRY"
    exit 0
  fi
done
echo "no program on this runner can log in to $REGISTRY: docker, podman, buildah or skopeo is needed" >&2
exit 1
