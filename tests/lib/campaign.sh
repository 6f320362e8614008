# SPDX-License-Identifier: PostgreSQL
#
# Campaigns: programs of tests/campaign/ that harm a server for as long as they are told, and ask after
# each harm whether anything was lost. Sourced by ./run.

PACKAGES_CAMPAIGN=(python3 python3-psycopg2)

# name | what is built for it: PRESET, installed, or PRESET:TARGET | options of its short form in `./run test campaign` | what it does
CAMPAIGNS=(
    "crash|release|--cycles 8 --seed 1|kill -9 of a server's processes under a mixed load"
    "walcheck|release|--cycles 2 --cycle-seconds 2 --rate 60 --seed 1|a standby compares every replayed page; promotion, backups, recovery to a point"
    "fuzz|sanitize-server:vecmesh_wal_fuzz|--records 50000 --seed 1|damaged WAL records given to redo, under sanitizers"
    "diskfull|release|--cycles 12 --seed 2|the disk of the data or of the WAL is full: in builds, changes, vacuum"
)

# campaign_field NAME NUMBER: a field of its line; fails when there is no such campaign.
campaign_field() {
    local line
    for line in "${CAMPAIGNS[@]}"; do
        if [ "${line%%|*}" = "$1" ]; then
            cut -d'|' -f"$2" <<<"$line"
            return
        fi
    done
    return 1
}

is_campaign() { campaign_field "$1" 1 >/dev/null; }

campaign_usage() {
    local line
    for line in "${CAMPAIGNS[@]}"; do printf '  %-24s %s\n' "${line%%|*}" "${line##*|}"; done
}

# command_campaign NAME OPTION…: ./run NAME
command_campaign() {
    local name=$1
    shift
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}" "${PACKAGES_CAMPAIGN[@]}"
    find_postgresql
    case " $* " in *" --help "*) ;; *) prepare_campaign "$name" || return 1 ;; esac
    run_campaign "$name" "$@"
}

# prepare_campaign NAME: builds what it runs.
prepare_campaign() {
    local what
    what=$(campaign_field "$1" 2)
    case $what in
    *:*) build "${what%%:*}" "${what#*:}" ;;
    *) build_and_install "$what" ;;
    esac
}

# run_campaign NAME OPTION…: as the server's user, who may not write where --json points: so the file
# is made in the state folder and copied.
run_campaign() {
    local name=$1 folder=$STATE/campaign/$1 json='' status=0 arguments=()
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --json) json=$2 && shift ;;
        --json=*) json=${1#--json=} ;;
        *) arguments+=("$1") ;;
        esac
        shift
    done
    if [ "$json" ]; then arguments+=(--json "$folder/result.json"); fi
    server_folder "$STATE/campaign"
    server_folder "$folder"
    as_server env PG_BIN="$PG_BIN" VECMESH_BUILDS="$STATE/build" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 \
        "$(server_tree)/tests/campaign/$name.py" --state "$folder" \
        --port "$(free_port "${VECMESH_PORT:-5700}")" "${arguments[@]}" || status=$?
    if [ "$json" ] && [ -e "$folder/result.json" ]; then cp "$folder/result.json" "$json"; fi
    return "$status"
}

# The short forms of all campaigns, each one test. The release build is there and installed.
suite_campaign() {
    local line name short release=$BUILD
    title "Campaigns (short)"
    need_packages "${PACKAGES_CAMPAIGN[@]}"
    for line in "${CAMPAIGNS[@]}"; do
        name=${line%%|*} short=$(campaign_field "${line%%|*}" 3)
        # shellcheck disable=SC2086
        if { [ "$(campaign_field "$name" 2)" = release ] || prepare_campaign "$name"; } &&
            run_campaign "$name" $short >"$LOGS/campaign-$name.log" 2>&1; then
            record "$name" 1 0
        else
            tail -n 40 "$LOGS/campaign-$name.log" >&2
            record "$name" 0 1
        fi
        BUILD=$release
    done
}
