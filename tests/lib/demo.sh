# SPDX-License-Identifier: PostgreSQL
#
# ./run demo: from nothing to definitions found by meaning, across four workers. Sourced by ./run.

GLOSSES=$TOP/tests/data/glosses

command_demo() {
    local question=${1:-3}
    [[ $question =~ ^[0-9]+$ && $question -lt 200 ]] || die "demo: a question is a number from 0 to 199"
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}"
    find_postgresql
    build_and_install release
    cluster_start
    COORDINATOR=$(server_port "$(cluster_folder coordinator)")
    demo_load
    demo_ask "$question"
    demo_explain "$question"
    demo_recall
    cluster_hint
    note "another question: ./run demo N (0 to 199, in $GLOSSES/queries.tsv.gz)"
}

demo_sql() { sql "$COORDINATOR" "$DATABASE" "$@"; }

demo_tool() {
    "$BUILD/distribution/cli/vecmesh" "$@" \
        --dsn "host=127.0.0.1 port=$COORDINATOR user=postgres dbname=$DATABASE"
}

demo_load() {
    title "Loading 20,000 definitions, spread over four workers"
    demo_sql -f "$TOP/tests/demo/schema.sql"
    demo_tool load "$GLOSSES/docs.f16" --dim 384 --tsv "$GLOSSES/docs.tsv.gz" --table glosses
    demo_tool load "$GLOSSES/queries.f16" --dim 384 --tsv "$GLOSSES/queries.tsv.gz" --table questions
    demo_sql -c "\\copy answers FROM '$GLOSSES/truth10.tsv'"
    demo_sql -F ' on ' -c "SELECT '  ' || shard_name, host || ':' || port FROM vecmesh.shards
        WHERE relation = 'glosses'::regclass ORDER BY min_hash"
    local start=$EPOCHREALTIME
    demo_sql -c "SET client_min_messages = warning;
        CREATE INDEX ON glosses USING ivfrabitq (embedding vector_cosine_ops)"
    say "indexed with ivfrabitq, each shard on its worker, in $(seconds_since "$start") s"
}

seconds_since() {
    local now=$EPOCHREALTIME
    awk -v from="${1/,/.}" -v to="${now/,/.}" 'BEGIN { printf "%.1f", to - from }'
}

demo_ask() {
    local text
    text=$(demo_sql -c "SELECT text FROM questions WHERE id = $1")
    title "What in the dictionary is near to: \"$text\"?"
    demo_tool search --table glosses --from "$GLOSSES/queries.f16" --dim 384 --number "$1" -k 5 \
        --show lemmas,definition
}

demo_explain() {
    title "The plan: each worker streams its nearest rows, the coordinator merges them"
    demo_sql -v question="$1" -c "ANALYZE questions" -f "$TOP/tests/demo/explain.sql"
}

demo_recall() {
    local target
    title "Recall: how many of the true ten nearest are found (200 questions)"
    printf '  %-28s %9s %13s\n' "" recall@10 "ms/question"
    for target in 0.80 0.90 0.98; do
        demo_sql -v setting="SET ivfrabitq.recall_target = $target" \
            -v label="ivfrabitq, target $target" -f "$TOP/tests/demo/recall.sql"
    done
    demo_sql -v setting="SET enable_indexscan = off" -v label="no index: every row compared" \
        -f "$TOP/tests/demo/recall.sql"
}
