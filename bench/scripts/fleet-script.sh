# One revert for each service, one push: SERVICES (with commas) ENVIRONMENT
IFS=, read -ra SERVICES <<<"$1"
for SERVICE in "${SERVICES[@]}"; do
  LAST_DEPLOY=$(git log --oneline -E --grep="^deploy: $SERVICE [^ ]+ to $2" -1 --format="%H")
  git revert "$LAST_DEPLOY" --no-edit >/dev/null || { git revert --abort; FAILED=1; }
done
git push -q && [[ -z $FAILED ]]
