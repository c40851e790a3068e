#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# packages.sh <part>... - see that what parts of our work need is on this machine. Asks
# nothing
#
# On Debian, packages that are missing are installed, unless INSTALL=no or nobody may. Then,
# and on other systems, the programs and headers that are needed must be there.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

host=$(host_arch)
compile="gcc:gcc libc6-dev:stdio.h make:make"
kernel="$compile bc:bc bison:bison ccache: coccinelle:spatch flex:flex libelf-dev:gelf.h xz-utils:xz"
# Each package, and the program or header that shows that it is there; none: do without.
declare -A packages=(
	[unit]="$compile"
	[python]="python3:python3"
	[fuzz]="$compile clang:clang libclang-rt-dev:"
	[scale]="$compile python3:python3 valgrind:valgrind"
	[kernel-x86_64]=$kernel
	[kernel-arm64]=$kernel
	[kernel-riscv64]="$kernel gcc-riscv64-linux-gnu:riscv64-linux-gnu-gcc"
	[kernel-powerpc64le]="$kernel gcc-powerpc64le-linux-gnu:powerpc64le-linux-gnu-gcc"
	[kernel-powerpc64]="$kernel gcc-powerpc64-linux-gnu:powerpc64-linux-gnu-gcc"
	[kernel-s390]="$kernel gcc-s390x-linux-gnu:s390x-linux-gnu-gcc"
	[kernel-sparc64]="$kernel gcc-sparc64-linux-gnu:sparc64-linux-gnu-gcc"
	[kernel-loongarch64]="$kernel clang-19:clang-19 lld-19:ld.lld-19 llvm-19:llvm-nm-19"
	[qemu-x86_64]="python3:python3 qemu-system-x86:qemu-system-x86_64"
	[qemu-arm64]="python3:python3 device-tree-compiler:fdtput qemu-efi-aarch64: qemu-system-arm:qemu-system-aarch64"
	[qemu-riscv64]="python3:python3 device-tree-compiler:fdtput opensbi: qemu-system-misc:qemu-system-riscv64 \
		gcc-riscv64-linux-gnu:riscv64-linux-gnu-gcc libc6-dev-riscv64-cross:"
	[debian]="mmdebstrap:mmdebstrap squashfs-tools-ng:tar2sqfs"
	[show]="python3-drgn:"
	[pages]="chromium:chromium python3:python3"
	[guest]="busybox-static:busybox daxctl:daxctl ndctl:ndctl"
	[overlay]="coccinelle:spatch git:git perl:perl"
	[patches]="coccinelle:spatch git:git unifdef:unifdef"
	[patches-test]="git:git patch:patch perl:perl quilt:quilt"
	[check]="graphviz:dot perl:perl python3:python3 python3-sphinx:sphinx-build shellcheck:shellcheck sparse:sparse"
	[docs]="graphviz:dot python3-sphinx:sphinx-build"
)
[ "$host" = x86_64 ] || packages[kernel-x86_64]+=" gcc-x86-64-linux-gnu:$(cross_prefix x86_64)gcc"
[ "$host" = arm64 ] || packages[kernel-arm64]+=" gcc-aarch64-linux-gnu:$(cross_prefix arm64)gcc"
[ "$host" = arm64 ] || packages[qemu-arm64]+=" gcc-aarch64-linux-gnu:$(cross_prefix arm64)gcc libc6-dev-arm64-cross:"

is_installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q '^install ok installed'
}

is_there() {
	case $1 in
	*.h) gcc -E -x c -include "$1" /dev/null >/dev/null 2>&1 ;;
	*) [ -z "$1" ] || command -v "$1" >/dev/null ;;
	esac
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

mapfile -t wanted < <(for part; do
	# shellcheck disable=SC2086 # words
	printf '%s\n' ${packages[$part]:?"nothing is known of '$part'"}
done | sort -u)

missing=() lacking=()	# packages; programs and headers
for item in "${wanted[@]}"; do
	is_there "${item#*:}" || lacking+=("${item#*:}")
	! command -v apt-get >/dev/null || is_installed "${item%%:*}" || missing+=("${item%%:*}")
done

# What is there will do, whatever brought it.
if ! command -v apt-get >/dev/null; then
	[ ${#lacking[@]} = 0 ] || fail "not on this machine: ${lacking[*]}; install what has them and call again"
elif [ ${#missing[@]} != 0 ] && { [ "$INSTALL" = no ] || ! can_be_root; }; then
	[ ${#lacking[@]} = 0 ] || fail "not on this machine: ${lacking[*]}. Run:" \
		"sudo apt-get install --no-install-recommends ${missing[*]}"
elif [ ${#missing[@]} != 0 ]; then
	apt_step "installing ${missing[*]}" apt-install as_root "$0" --as-root "${missing[@]}" ||
		fail "cannot install ${missing[*]}: $(why apt-install) (all of it: $log/apt-install.log)"
fi
