# SPDX-License-Identifier: PostgreSQL
#
# Campaigns: programs of tests/campaign/ that harm a server for as long as they are told, and ask after
# each harm whether anything was lost. Sourced by ./run.

PACKAGES_CAMPAIGN=(python3 python3-psycopg2)

# name, or name and an option that makes another campaign of it | what is built for it | options of its short form in
# `./run test campaign` | what it does
#
# Built: PRESET, installed; PRESET:TARGET; or PRESET/TARGET, installed over a release.
CAMPAIGNS=(
    "crash|release|--cycles 8 --seed 1|kill -9 of a server's processes under a mixed load"
    "walcheck|release|--cycles 2 --cycle-seconds 2 --rate 60 --seed 1|a standby compares every replayed page; promotion, backups, recovery to a point"
    "fuzz|sanitize-server:vecmesh_wal_fuzz|--records 50000 --seed 1|damaged WAL records given to redo, under sanitizers"
    "diskfull|release|--cycles 10 --seed 1|the disk of the data or of the WAL is full: in builds, changes, vacuum"
    "crash --cluster|release|--cycles 2 --seed 1|kill -9 of a coordinator's and four workers' processes"
    "crash --faults|faults/vector|--cycles 5 --seed 1|kill -9, and errors, at named points of the code"
    "crash --planted|faults/vector|all --load-seconds 0.5 --seed 1|bugs planted in the library are caught"
    "corrupt|release|--files 72 --seed 1|damaged files of indexes: an error or the right answer"
    "corrupt --sanitized|sanitize-server/vector|--files 36 --seed 2|the same with a vector.so under sanitizers"
    "corrupt --checksums|release|--files 12 --seed 3|the same with page checksums: no wrong answer where they tell"
    "corrupt --standby|release|--files 12 --seed 3|the same with a standby's files, which replay then changes"
    "race|release|--cycles 2 --cycle-seconds 8 --blocked-ms 1000 --seed 1|readers compare every answer with the exact one of their snapshot, beside writers, vacuum, builds"
    "powerloss|release|--cycles 8 --seconds 3 --failures 4 --seed 1|power failures: what was not synced is lost, torn or out of order"
)

# campaign_build NAME OPTION…: what is built for it, by the line of NAME, or of NAME and one of the options.
campaign_build() {
    local line option found=''
    for line in "${CAMPAIGNS[@]}"; do
        for option in '' "${@:2}"; do
            if [ "${line%%|*}" = "$1${option:+ $option}" ]; then found=$(cut -d'|' -f2 <<<"$line"); fi
        done
    done
    echo "$found"
}

is_campaign() { [ "$(campaign_build "$1")" ]; }

campaign_usage() {
    local line
    for line in "${CAMPAIGNS[@]}"; do printf '  %-24s %s\n' "${line%%|*}" "${line##*|}"; done
}

# command_campaign NAME OPTION…: ./run NAME. With --assertions on the PostgreSQL that has them; for campaigns that
# are built as release.
command_campaign() {
    local name=$1 option options=() checked=''
    shift
    for option in "$@"; do
        if [ "$option" = --assertions ]; then checked=yes; else options+=("$option"); fi
    done
    set -- "${options[@]}"
    need_packages "${PACKAGES_SERVER[@]}" "${PACKAGES_BUILD[@]}" "${PACKAGES_CAMPAIGN[@]}"
    if [ "$checked" ]; then
        use_checked_postgresql || return 1
        run_campaign "$name" "$@"
        return
    fi
    find_postgresql
    case " $* " in *" --help "*) ;; *) prepare_campaign "$(campaign_build "$name" "$@")" || return 1 ;; esac
    run_campaign "$name" "$@"
}

# prepare_campaign BUILT
prepare_campaign() {
    case $1 in
    *:*) build "${1%%:*}" "${1#*:}" ;;
    */*) build_and_install release && install_over "$1" ;;
    *) build_and_install "$1" ;;
    esac
}

# install_over PRESET/TARGET: one library of another build.
install_over() { build "${1%%/*}" "${1#*/}" && install_component --component "${1#*/}"; }

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

# The short forms of all campaigns, each one test. The release build is there and installed, and is so again in the end.
suite_campaign() {
    local line release=$BUILD
    title "Campaigns (short)"
    need_packages "${PACKAGES_CAMPAIGN[@]}"
    for line in "${CAMPAIGNS[@]}"; do short_campaign "$line"; done
    install_component
}

# short_campaign LINE
short_campaign() {
    local name built short log prepare=(install_component) # over what the last one had
    IFS='|' read -r name built short _ <<<"$1"
    log=$LOGS/campaign-${name// /}.log
    case $built in
    *:*) prepare=(prepare_campaign "$built") ;;
    */*) prepare=(install_over "$built") ;;
    esac
    # shellcheck disable=SC2086
    if "${prepare[@]}" && run_campaign $name $short >"$log" 2>&1; then
        record "$name" 1 0
    else
        tail -n 40 "$log" >&2 || true # there is none if it was not built
        record "$name" 0 1
    fi
    BUILD=$release
}
