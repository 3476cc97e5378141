# shellcheck shell=bash
# What the scripts share: how they speak, and how they come by the tools they need. Sourced, never run.

# Messages go to the standard error, so that the standard output is only the program's.
say() { printf 'kinglet: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Stops unless there is a Swift that can read Package.swift.
require_swift() {
  local where='Swift 6.2 or later builds Kinglet: see https://www.swift.org/install.' version major minor
  have swift || die "there is no \`swift\` in the PATH. $where"
  version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9]*\)\.\([0-9][0-9]*\).*/\1 \2/p')
  read -r major minor <<<"$version" || true
  [[ -n ${minor:-} ]] || die "\`swift --version\` did not tell its version. $where"
  ((major > 6 || (major == 6 && minor >= 2))) || die "this is Swift $major.$minor. $where"
}

# Whether pkg-config finds a library to build with.
has_library() { have pkg-config && pkg-config --exists "$1"; }

# Prints the Debian package of each named thing that this machine lacks.
missing_packages() {
  local thing
  for thing in "$@"; do
    case $thing in
      openblas)
        if ! have pkg-config; then
          echo pkg-config libopenblas-dev
        elif ! pkg-config --exists openblas; then
          echo libopenblas-dev
        fi
        ;;
      sqlite) has_library sqlite3 || echo pkg-config libsqlite3-dev ;;
      libxml2) has_library libxml-2.0 || echo pkg-config libxml2-dev ;;
      libcrypto) has_library libcrypto || echo pkg-config libssl-dev ;;
      pdftotext) have pdftotext || echo poppler-utils ;;
      objdump) have objdump || echo binutils ;;
      pip)
        # pip is looked for, not started: that alone takes half a second.
        local find_pip='import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)'
        if ! have python3; then
          echo python3 python3-pip
        elif ! python3 -c "$find_pip"; then
          echo python3-pip
        fi
        ;;
    esac
  done
}

# Installs what is missing of the named things when it may; otherwise names the packages on standard error and fails.
ensure() {
  local packages
  read -r -a packages <<<"$(missing_packages "$@" | tr '\n' ' ')"
  ((${#packages[@]} > 0)) || return 0

  local command=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  if ! have apt-get; then
    say "this machine lacks what Debian packages as: ${packages[*]}. Install that the way this system does."
    return 1
  elif [[ $(id -u) != 0 ]]; then
    if ! have sudo || ! sudo -n true 2>/dev/null; then
      say "packages are missing. Install them with: sudo apt-get install ${packages[*]}"
      return 1
    fi
    command=(sudo -n "${command[@]}")
  fi

  say "installing ${packages[*]}"
  # Stale lists do no harm if they still name the packages.
  "${command[@]}" update </dev/null >&2 || say 'the lists of packages could not be brought up to date'
  if ! "${command[@]}" install -y "${packages[@]}" </dev/null >&2; then
    say "apt-get could not install ${packages[*]}"
    return 1
  fi
}
