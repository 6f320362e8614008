#!/bin/bash
# Makes the image debian:bookworm-slim where no registry can be reached: debootstrap + docker import.
# Does nothing if the image is there already; tries to pull it first. Needs root for debootstrap.
#
# Environment: DEBIAN_MIRROR (default: debootstrap's own), DEBIAN_SECURITY_MIRROR (default: beside it)
set -euo pipefail

image=debian:bookworm-slim

if docker image inspect "$image" > /dev/null 2>&1; then
    exit 0
fi
if timeout 60 docker pull -q "$image" 2> /dev/null; then
    exit 0
fi
command -v debootstrap > /dev/null ||
    { echo "make-base.sh: debootstrap is missing: apt-get install debootstrap" >&2; exit 1; }
[ "$(id -u)" = 0 ] || { echo "make-base.sh: must run as root" >&2; exit 1; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
echo "make-base.sh: no registry within reach; building $image with debootstrap"
debootstrap --variant=minbase bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} > "$root.log" 2>&1 ||
    { tail -n 20 "$root.log" >&2; rm -f "$root.log"; exit 1; }
rm -f "$root.log"
mirror=$(sed -n 's/^deb \([^ ]*\) bookworm main.*/\1/p' "$root/etc/apt/sources.list")
security=${DEBIAN_SECURITY_MIRROR:-${mirror%/debian}/debian-security}
cat > "$root/etc/apt/sources.list" <<LIST
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb $security bookworm-security main
LIST
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$image" > /dev/null
