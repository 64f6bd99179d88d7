folder="%%temp%%/ripcord-$RIPCORD_VERSION"
mkdir -p "$folder"
found=$(command -v ripcord || true)
if [ -n "$found" ] && [ "$("$found" --version)" = "ripcord $RIPCORD_VERSION" ]; then
  # The runner brings this very version.
  ln -sf "$found" "$folder/ripcord"
else
  if [ -z "$RIPCORD_URL" ] || [ -z "$RIPCORD_SHA256" ]; then
    echo "set the variables RIPCORD_URL and RIPCORD_SHA256 to the release $RIPCORD_VERSION of ripcord and its sha256" >&2
    exit 1
  fi
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 3 --max-time 300 \
    --output "$folder/download" "$RIPCORD_URL"
  echo "$RIPCORD_SHA256  $folder/download" | sha256sum --check --strict --quiet
  case "$RIPCORD_URL" in
    *.tar.gz | *.tgz) tar -xzf "$folder/download" -C "$folder" ripcord ;;
    *) mv "$folder/download" "$folder/ripcord" ;;
  esac
  chmod 755 "$folder/ripcord"
fi
