# All commits without trees, found by subject: SERVICE ENVIRONMENT URL
FILE=services/$1/overlays/$2/kustomization.yaml
git clone -q --bare --filter=tree:0 "$3" treeless.git && cd treeless.git || exit 1
BAD=$(git log -1 --first-parent --format=%H -E --grep="^deploy: $1 [^ ]+ to $2\$" main)
[[ -n $BAD ]] || exit 1
BLOB=$(git rev-parse "$BAD^:$FILE") || exit 1
NEW=$(printf '%s\n' "commit refs/bench/rollback" "mark :1" "committer O <o@acme.io> now" \
  "data <<END" "roll back $1" "END" "from main^0" "M 100644 $BLOB $FILE" "get-mark :1" \
  | git fast-import --quiet --force --date-format=now)
git push -q origin "$NEW:refs/heads/main"
