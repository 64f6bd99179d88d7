# 64 commits without blobs, deepened eightfold until the deploy is in: SERVICE ENVIRONMENT URL
FILE=services/$1/overlays/$2/kustomization.yaml
git clone -q --bare --depth 64 --filter=blob:none "$3" shallow.git && cd shallow.git || exit 1
DEPTH=64
while true; do
  BAD=$(git log -1 --first-parent --format=%H main -- "$FILE")
  [[ -n $BAD ]] || exit 1
  # At the edge of a shallow history every file looks as if it had just been added.
  grep -qs "$BAD" shallow || break
  DEPTH=$((DEPTH * 8))
  git fetch -q --depth "$DEPTH" origin +main:main || exit 1
done
BLOB=$(git rev-parse "$BAD^:$FILE") || exit 1
NEW=$(printf '%s\n' "commit refs/bench/rollback" "mark :1" "committer O <o@acme.io> now" \
  "data <<END" "roll back $1" "END" "from main^0" "M 100644 $BLOB $FILE" "get-mark :1" \
  | git fast-import --quiet --force --date-format=now)
git push -q origin "$NEW:refs/heads/main"
