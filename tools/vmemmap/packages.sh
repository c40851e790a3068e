#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh <part>... - install the Debian packages that parts of our work
# need, where they are missing. Asks nothing.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

kernel="bc bison ccache coccinelle flex gcc libc6-dev libelf-dev xz-utils"
declare -A packages=(
	[unit]="gcc libc6-dev"
	[python]="python3"
	[fuzz]="clang gcc libc6-dev libclang-rt-dev"
	[scale]="gcc libc6-dev python3 valgrind"
	[kernel-x86_64]=$kernel
	[kernel-arm64]="$kernel gcc-aarch64-linux-gnu"
	[qemu-x86_64]="python3 qemu-system-x86"
	[qemu-arm64]="python3 qemu-efi-aarch64 qemu-system-arm"
	[guest]="busybox-static daxctl ndctl"
	[check]="graphviz perl python3 python3-sphinx shellcheck sparse"
)

is_installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'
}

# An installation that was interrupted must be completed before the next one.
install_as_root() {
	export DEBIAN_FRONTEND=noninteractive
	dpkg --configure -a &&
		apt-get -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

if [ "${1-}" = --as-root ]; then
	shift
	install_as_root "$@"
	exit
fi

command -v apt-get >/dev/null || fail "there is no apt-get: this needs Debian, or a system made from it"
missing=()
for part; do
	for package in ${packages[$part]:?"nothing is known of '$part'"}; do
		is_installed "$package" || missing+=("$package")
	done
done
[ ${#missing[@]} != 0 ] || exit 0

can_be_root || fail "packages are missing, and root cannot be had without a password. Run:" \
	"sudo apt-get install --no-install-recommends ${missing[*]}"
apt_step "installing ${missing[*]}" apt-install as_root "$0" --as-root "${missing[@]}" ||
	fail "cannot install ${missing[*]}: $(why apt-install) (all of it: $log/apt-install.log)"
