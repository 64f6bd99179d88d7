# Every file as it was before its last change, in one commit: SERVICES (with commas) ENVIRONMENT
IFS=, read -ra SERVICES <<<"$1"
NEW=$({
  printf '%s\n' "commit refs/bench/rollback" "mark :1" "committer O <o@acme.io> now" \
    "data <<END" "roll back ${#SERVICES[@]} services" "END" "from main^0"
  for SERVICE in "${SERVICES[@]}"; do
    FILE=services/$SERVICE/overlays/$2/kustomization.yaml
    BAD=$(git log -1 --first-parent --format=%H main -- "$FILE")
    echo "M 100644 $(git rev-parse "$BAD^:$FILE") $FILE"
  done
  echo "get-mark :1"
} | git fast-import --quiet --force --date-format=now)
git push -q origin "$NEW:refs/heads/main"
