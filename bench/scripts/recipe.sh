# The best that plain git can do without a work tree: SERVICE ENVIRONMENT TRIES
# Runs in a bare clone whose commit-graph has Bloom filters. With 0 tries it does not push.
# The first try uses the tip that the clone knows; MERGE_TREE says whether git knows --merge-base.
FILE=services/$1/overlays/$2/kustomization.yaml
TRIES=$3
for ((try = 1; ; try++)); do
  BAD=$(git log -1 --first-parent --format=%H main -- "$FILE")
  [[ -n $BAD ]] || exit 1
  TIP=$(git rev-parse main)
  if [[ $MERGE_TREE == yes ]]; then
    TREE=$(git merge-tree --write-tree --merge-base="$BAD" main "$BAD^") || exit 1
    NEW=$(git commit-tree "$TREE" -p "$TIP" -m "roll back $1")
  else
    BLOB=$(git rev-parse "$BAD^:$FILE") || exit 1
    NEW=$(printf '%s\n' "commit refs/bench/rollback" "mark :1" "committer O <o@acme.io> now" \
      "data <<END" "roll back $1" "END" "from $TIP" "M 100644 $BLOB $FILE" "get-mark :1" \
      | git fast-import --quiet --force --date-format=now)
  fi
  ((TRIES == 0)) && exit 0
  git push -q origin "$NEW:refs/heads/main" && git update-ref refs/heads/main "$NEW" \
    && echo "tries $try" && exit 0
  ((try >= TRIES)) && exit 1
  git fetch -q origin +main:main || exit 1
done
