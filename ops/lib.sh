# Shared by the entry points in this folder: says what it does, installs only what is missing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

say() { printf '\n== %s\n' "$*"; }

fail() { printf 'ops: %s\n' "$*" >&2; exit 1; }

# need COMMAND PACKAGE: installs a Debian package if its command is missing and that is possible.
need() {
    command -v "$1" >/dev/null 2>&1 && return 0
    [ "$(id -u)" = 0 ] || fail "$1 is missing; as root: apt-get install $2"
    say "installing $2"
    apt-get update -qq && apt-get install -y -qq "$2" >/dev/null || fail "cannot install $2"
}

# need_file PATTERN PACKAGE: the same for a package that brings no command.
need_file() {
    compgen -G "$1" >/dev/null && return 0
    [ "$(id -u)" = 0 ] || fail "$1 is missing; as root: apt-get install $2"
    say "installing $2"
    apt-get update -qq && apt-get install -y -qq "$2" >/dev/null || fail "cannot install $2"
}

# The one tool chain; rustup reads rust-toolchain.toml.
need_rust() {
    command -v cargo >/dev/null 2>&1 || fail "cargo is missing: install a Rust tool chain (see rust-toolchain.toml)"
    need cc gcc
    cargo clippy --version >/dev/null 2>&1 || fail "cargo clippy is missing: rustup component add clippy"
    cargo fmt --version >/dev/null 2>&1 || fail "cargo fmt is missing: rustup component add rustfmt"
}

# buf, pinned, from its npm package, into .tools.
need_buf() {
    local version=1.75.0
    local stamp="$root/.tools/node/.buf-$version"
    buf="$root/.tools/node/node_modules/.bin/buf"
    [ -e "$stamp" ] && return 0
    need node nodejs
    need npm npm
    say "installing buf $version into .tools"
    mkdir -p "$root/.tools/node"
    npm install --no-audit --no-fund --no-save --silent --prefix "$root/.tools/node" \
        "@bufbuild/buf@$version" >/dev/null || fail "cannot install buf"
    touch "$stamp"
}

# Packages of the browser tests, pinned by their lock file, into .tools. The stamp is a copy of the lock file and is
# written last: a broken installation is made anew.
need_browser_packages() {
    local lock="$root/tests/browser/package-lock.json"
    local tools="$root/.tools/browser"
    need node nodejs
    cmp -s "$lock" "$tools/.installed-lock.json" && return 0
    need npm npm
    say "installing the packages of tests/browser/package-lock.json into .tools/browser"
    mkdir -p "$tools"
    cp "$root/tests/browser/package.json" "$lock" "$tools/"
    npm ci --no-audit --no-fund --silent --prefix "$tools" >/dev/null || fail "cannot install the browser packages"
    cp "$lock" "$tools/.installed-lock.json"
}
