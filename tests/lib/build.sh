# SPDX-License-Identifier: PostgreSQL
#
# Configures, builds and installs. Sourced by ./run.

# build PRESET [TARGET…]: release, debug, sanitize or sanitize-server, in STATE/build/PRESET.
build() {
    local preset=${1:-release}
    local targets=("${@:2}")
    BUILD=$STATE/build/$preset
    mkdir -p "$BUILD"
    local launcher=()
    if have ccache; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
    title "Building ($preset) in $BUILD"
    forget_moved_build
    (cd "$TOP" && quietly "$LOGS/configure-$preset.log" cmake --preset "$preset" -B "$BUILD" \
        -DPG_CONFIG="$PG_CONFIG" "${launcher[@]}") || return 1
    if [ ${#targets[@]} != 0 ]; then targets=(--target "${targets[@]}"); fi
    if [ -t 1 ]; then
        cmake --build "$BUILD" "${targets[@]}" || return 1
    else
        quietly "$LOGS/build-$preset.log" cmake --build "$BUILD" "${targets[@]}" || return 1
    fi
    say "built in $BUILD"
}

# A build folder remembers its absolute source path: one from a moved tree is of no use.
forget_moved_build() {
    local cache=$BUILD/CMakeCache.txt
    if [ -e "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$TOP" "$cache"; then
        rm -rf "$BUILD"
        mkdir -p "$BUILD"
    fi
}

# install_extensions: into the server that PG_CONFIG names; CMake replaces files, it does not
# overwrite them, so running servers keep the library they have loaded.
install_extensions() {
    install_component || return 1
    say "installed extensions vector and vecmesh into $("$PG_CONFIG" --pkglibdir)"
}

# install_test_modules: what the regression tests load beside the extensions.
install_test_modules() {
    install_component --component test
}

install_component() {
    local library
    library=$("$PG_CONFIG" --pkglibdir)
    if [ -w "$library" ]; then
        quietly "$LOGS/install.log" cmake --install "$BUILD" "$@" || return 1
    else
        note "installing into $library needs root rights"
        quietly "$LOGS/install.log" as_root cmake --install "$BUILD" "$@" || return 1
    fi
}

build_and_install() {
    build "${1:-release}" || return 1
    install_extensions
}
