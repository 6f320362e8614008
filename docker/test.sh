#!/bin/bash
# The dockerised cluster, from image to answers: builds, starts coordinator + 4 workers, loads the
# small glosses through the coordinator's container, compares k-NN with the exact answers, stops and
# restarts a worker. Prints TAP; everything it made is removed at the end.
#
# Environment: VECMESH_DOCKER_KEEP=1 leaves the cluster running, VECMESH_IMAGE names the image.
set -uo pipefail
cd "$(dirname "$0")/.."

project=vecmesh-test
export VECMESH_IMAGE=${VECMESH_IMAGE:-vecmesh:test}
export VECMESH_PORT=${VECMESH_PORT:-15499}
work=$(mktemp -d)
export VECMESH_PASSWORD_FILE=$work/password
password="pa:ss\\w'$RANDOM$RANDOM"
printf '%s\n' "$password" > "$VECMESH_PASSWORD_FILE"

if docker compose version > /dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
compose+=(-p "$project" -f docker/docker-compose.yml)

passed=0
failed=0
pass() { passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"; }
fail() { failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; [ $# -lt 2 ] || sed 's/^/#   /' <<< "$2"; }
check() { # check NAME EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "expected: $2"$'\n'"got:      $3"; fi
}
matches() { # matches NAME PATTERN ACTUAL
    if grep -Eq -- "$2" <<< "$3"; then pass "$1"; else fail "$1" "no match for: $2"$'\n'"in: $3"; fi
}

cleanup() {
    [ -n "${VECMESH_DOCKER_KEEP:-}" ] || "${compose[@]}" down -v --remove-orphans > "$work/down.log" 2>&1
    rm -rf "$work"
}
finish() {
    [ "$failed" = 0 ] || "${compose[@]}" logs --tail=40 2>&1 | sed 's/^/# /'
    echo "1..$((passed + failed))"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
trap cleanup EXIT

container() { "${compose[@]}" ps -q "$1"; }
# SQL as a client over TCP with the password, inside the coordinator's container.
sql() {
    docker exec -i -e PGPASSWORD="$password" "$(container coordinator)" \
        psql -X -q -At -v ON_ERROR_STOP=1 "host=127.0.0.1 user=postgres dbname=vecmesh" "$@" 2>&1
}
wait_healthy() { # wait_healthy SERVICE SECONDS
    local i
    for ((i = 0; i < $2; i++)); do
        [ "$(docker inspect -f '{{.State.Health.Status}}' "$(container "$1")" 2> /dev/null)" = healthy ] && return 0
        sleep 1
    done
    return 1
}

if docker/build.sh > "$work/build.log" 2>&1; then
    pass "the image builds"
else
    fail "the image builds" "$(tail -n 30 "$work/build.log")"
    finish
fi
"${compose[@]}" down -v --remove-orphans > /dev/null 2>&1 # left by a run that was killed
if "${compose[@]}" up -d > "$work/up.log" 2>&1 && wait_healthy coordinator 180; then
    pass "the cluster becomes healthy"
else
    fail "the cluster becomes healthy" "$(tail -n 20 "$work/up.log")"
    finish
fi
check "four workers are nodes" 4 "$(sql -c "SELECT count(*) FROM vecmesh.nodes WHERE is_active AND group_id <> 0")"

matches "a wrong password is refused" "password authentication failed" "$(docker exec -e PGPASSWORD=wrong \
    "$(container coordinator)" psql -X "host=worker1 user=postgres dbname=vecmesh" -c 'SELECT 1' 2>&1)"
if docker inspect $("${compose[@]}" ps -q) | grep -qF "$password" ||
    docker history --no-trunc "$VECMESH_IMAGE" | grep -qF "$password"; then
    fail "the password is in no image and no container's settings"
else
    pass "the password is in no image and no container's settings"
fi

coordinator=$(container coordinator)
docker exec "$coordinator" mkdir -p /tmp/glosses
docker cp -q tests/data/glosses/. "$coordinator:/tmp/glosses" 2> /dev/null ||
    docker cp tests/data/glosses/. "$coordinator:/tmp/glosses"
sql -f - > "$work/load.log" < docker/test_schema.sql || fail "the schema loads" "$(cat "$work/load.log")"
load() { # load TABLE NAME
    docker exec -e PGPASSWORD="$password" "$coordinator" vecmesh load "/tmp/glosses/$2.f16" \
        --tsv "/tmp/glosses/$2.tsv.gz" --dim 384 --table "$1" --column embedding \
        --dsn "host=127.0.0.1 user=postgres dbname=vecmesh" > "$work/load.log" 2>&1 ||
        fail "vecmesh load $2" "$(tail -n 5 "$work/load.log")"
}
load docs docs
load queries queries
check "all rows arrived" "20000 200" "$(sql -F ' ' -c "SELECT (SELECT count(*) FROM docs), (SELECT count(*) FROM queries)")"
matches "every worker holds rows" "^4$" "$(sql -c "SELECT count(DISTINCT (host, port)) FROM vecmesh.shards WHERE relation = 'docs'::regclass")"
matches "an index is built on every shard" "^$" "$(sql -c "CREATE INDEX docs_embedding ON docs USING ivfflat (embedding vector_cosine_ops) WITH (lists = 20)" |
    grep -v NOTICE | grep -Ev '^(DETAIL|HINT)')"

docker exec -i "$coordinator" sh -c 'zcat -f /tmp/glosses/truth10.tsv*' > "$work/truth.tsv"
sql -c "\copy truth from stdin" < "$work/truth.tsv" > "$work/truth.log" || fail "the exact answers load" "$(cat "$work/truth.log")"
recall() { # recall PROBES
    sql -v probes="$1" -f - < docker/test_recall.sql | tail -n 1
}
check "k-NN with every list probed is exact" 1.0000 "$(recall 20)"
matches "k-NN with 5 of 20 lists probed finds most" '^(0\.[89][0-9]+|1\.0000)$' "$(recall 5)"
matches "the plan asks four workers" "Workers: 4" "$(sql -c "EXPLAIN SELECT id FROM docs ORDER BY embedding <=> (SELECT embedding FROM queries WHERE id = 0) LIMIT 10")"

"${compose[@]}" stop -t 10 worker2 > /dev/null 2>&1
matches "with a worker down, a query fails and names it" 'worker2' "$(sql -c "SELECT count(*) FROM docs")"
"${compose[@]}" start worker2 > /dev/null 2>&1
wait_healthy worker2 60 && check "after its restart the rows are back" 20000 "$(sql -c "SELECT count(*) FROM docs")"
check "and the answers are exact again" 1.0000 "$(recall 20)"

"${compose[@]}" down > /dev/null 2>&1 # keeps the volumes
"${compose[@]}" up -d > /dev/null 2>&1
wait_healthy coordinator 120
check "a cluster made anew on the old volumes has all rows" 20000 "$(sql -c "SELECT count(*) FROM docs")"
finish
