# A full clone and the script: SERVICE ENVIRONMENT URL
git clone -q "$3" full && cd full || exit 1
LAST_DEPLOY=$(git log --oneline --grep="deploy: $1" -1 --format="%H")
git revert "$LAST_DEPLOY" --no-edit >/dev/null && git push -q
