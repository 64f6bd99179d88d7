# The script of today, fetching first and trying again: SERVICE ENVIRONMENT TRIES
# Runs in a clone with a work tree. With 0 tries it commits and does not push.
SERVICE=$1
TRIES=$3
for ((try = 1; ; try++)); do
  if ((TRIES > 0)); then
    git fetch -q && git reset -q --hard origin/main || exit 1
  fi
  LAST_DEPLOY=$(git log --oneline --grep="deploy: $SERVICE" -1 --format="%H")
  git revert "$LAST_DEPLOY" --no-edit >/dev/null || exit 1
  ((TRIES == 0)) && exit 0
  git push -q && echo "tries $try" && exit 0
  ((try >= TRIES)) && exit 1
done
