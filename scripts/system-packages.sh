# Sourced by scripts/test: Debian packages that the tests need beside Python. Where there is apt-get and we are root,
# those that are missing are installed; elsewhere the tests that need them are skipped by name (tests/system.py).

SYSTEM_PACKAGES=(
    faketime # a clock that is wrong on purpose
    opensc   # pkcs11-tool: keys and certificates on tokens
    openssl  # authorities for time-stamps and revocation
    postgresql # the other database of the registry
    softhsm2 # a token without hardware
    strace   # whether a program tried to reach the network
)

install_system_packages() {
    local package missing=()
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        return 0
    fi
    for package in "${SYSTEM_PACKAGES[@]}"; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            missing+=("$package")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        return 0
    fi
    echo "Installing ${missing[*]} for the tests." >&2
    # Without lists of packages, as on a fresh machine, the first attempt fails.
    _apt_install "${missing[@]}" >/dev/null 2>&1 && return 0
    apt-get update -qq || return 1
    _apt_install "${missing[@]}" >/dev/null
}

_apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends "$@"
}
