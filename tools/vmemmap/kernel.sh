#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kernel.sh KERNEL=<kernel> [arguments to make] - build a kernel with our back end, for
# KUnit and for the scenarios alike; print the directory of its objects. What boots is
# "image" there
#
# A kernel is an architecture, and what makes it special; lib.sh has a table of them. What
# ends in -defconfig or -nohotplug is to be linked, not to be run. With STOCK=1, build it
# without our back end, to compare. With PATCHES=<n>|all, build the tree that the first patches
# of make patches make; it may lack options. CONFIG="FTRACE=y ..." sets options of the kernel.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

one_of KERNEL "$(names kernel_table)"
arch=${KERNEL%%-*} ARCH=$arch cross=$(cross_prefix "$arch") defaults=defconfig image=vmlinux llvm=''
case $arch in
x86_64) image=arch/x86/boot/bzImage ;;
arm64) image=arch/arm64/boot/Image.gz ;;
riscv64) ARCH=riscv image=arch/riscv/boot/Image ;;
powerpc64le) ARCH=powerpc defaults=ppc64le_defconfig ;;
powerpc64) ARCH=powerpc defaults=ppc64_defconfig ;;
loongarch64) ARCH=loongarch llvm=-19 ;;
esac
[ $# != 0 ] || set -- "${image##*/}"
options=()
for option in ${CONFIG:-}; do
	[[ $option =~ ^(CONFIG_)?([A-Za-z0-9_]+)=(.+) ]] || fail "CONFIG=$option is not of the form FTRACE=y"
	case ${BASH_REMATCH[3]} in
	n) options+=("# CONFIG_${BASH_REMATCH[2]} is not set") ;;
	*) options+=("CONFIG_${BASH_REMATCH[2]}=${BASH_REMATCH[3]}") ;;
	esac
done
[[ $top != *[:\ ]* ]] || fail "no kernel can be built in '$top': there is a space or a colon in the path"

need "kernel-$arch"
src=$(call tree)
objects=${src%/src}/$KERNEL
config=tinyconfig flags='' watched=() fragments=("$tools/configs"/{guest,"$arch",debug}.config "$top/mm/tests/vmemmap/.kunitconfig")
case $KERNEL in
*-defconfig|*-nohotplug) config=$defaults fragments=("$tools/configs/${KERNEL##*-}.config") ;;&
s390-defconfig) fragments=("$tools/configs/s390.config") ;;&
*-hash-*) fragments+=("$tools/configs/powerpc64-hash.config") ;;&
*-defconfig|*-nohotplug) [ ! -e "$tools/configs/$KERNEL.config" ] || fragments+=("$tools/configs/$KERNEL.config") ;;
*-show) fragments+=("$tools/configs/show.config") ;;&
*-64k-show) fragments+=("$tools/configs/${KERNEL%-show}.config") ;;
*-show) ;;
*-bench) fragments=("$tools/configs"/{guest,"$arch","${KERNEL%-bench}"}.config) ;;
*-release) unset "fragments[2]" ;;&
*-64k-release) fragments+=("$tools/configs/${KERNEL%-release}.config") ;;&
*-page80) flags=-DWANT_PAGE_VIRTUAL ;;&
*-kcsan) watched=(KCSAN_SANITIZE=n)	# but for what is ours
	for object in "$top"/mm/*.c "$top/arch/${arch%_64}"/mm/*.c; do
		object=${object##*/}
		watched+=("KCSAN_SANITIZE_${object%c}o=y")
	done ;;&
*-*) fragments+=("$tools/configs/$KERNEL.config") ;;
esac
for fragment in "${fragments[@]}"; do	# what one series alone has
	fragment=${fragment%.config}-$(series_of "$src").config
	[ ! -e "$fragment" ] || fragments+=("$fragment")
done
asked() { cat "${fragments[@]}" && printf '%s\n' "${options[@]}"; }

# What goes into an object must be the same in another clone, so that ccache
# knows it again. It takes the headers of a file from the compiler (-MMD), and not
# from a run of the preprocessor, a quarter to a third of what a file takes.
export PATH=/usr/lib/ccache:$PATH CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
{ mkdir -p "$CCACHE_DIR" && [ -w "$CCACHE_DIR" ]; } 2>/dev/null || CCACHE_DIR=$build/ccache
export CCACHE_BASEDIR=$top CCACHE_NOHASHDIR=1 CCACHE_DEPEND=1
export KBUILD_BUILD_TIMESTAMP='Thu Jan  1 00:00:00 UTC 1970' KBUILD_BUILD_VERSION=1
export KBUILD_BUILD_USER=vmemmap KBUILD_BUILD_HOST=vmemmap
unset MAKEFLAGS MAKELEVEL

kmake() {
	make -C "$src" O="$objects" ARCH="$ARCH" CROSS_COMPILE="$cross" ${llvm:+LLVM=$llvm} KCFLAGS="$flags" "${watched[@]}" \
		-j"$(nproc)" "$@"
}

configure() {
	asked >"$objects/asked.new" &&
		kmake "$config" &&
		(cd "$objects" && "$src/scripts/kconfig/merge_config.sh" -m .config asked.new) &&
		kmake olddefconfig &&
		mv "$objects/asked.new" "$objects/asked"
}

# The linker may put a plain file in the place of /dev/null when root builds a
# kernel; then every other program goes astray.
restore_null() {
	[ -c /dev/null ] || { rm -f /dev/null && mknod -m 666 /dev/null c 1 3; } ||
		fail "/dev/null is not a device; as root: rm -f /dev/null; mknod -m 666 /dev/null c 1 3"
}

lock "$objects"
restore_null
cmp -s <(asked) "$objects/asked" ||
	step "configuring the $KERNEL kernel" "configure-$KERNEL" configure ||
	fail "the $KERNEL kernel cannot be configured: $(why "configure-$KERNEL")" \
		"(all of it: $log/configure-$KERNEL.log)"
restore_null
lost=$(grep '^CONFIG_' "$objects/asked" | grep -vxFf "$objects/.config" | xargs) || true
[ -z "$lost" ] || [[ ${PATCHES:-all} != all ]] ||
	fail "asked for${CONFIG:+ by CONFIG= or} in tools/vmemmap/configs, but not in $objects/.config:" "$lost; does it depend on another option?"

rc=0
step "building the $KERNEL kernel" "build-$KERNEL" kmake "$@" || rc=$?
restore_null
if [ $rc != 0 ]; then
	grep -A 5 ' error: ' "$log/build-$KERNEL.log" >&2 || tail -n 15 "$log/build-$KERNEL.log" >&2
	fail "the $KERNEL kernel does not build: $(why "build-$KERNEL") (all of it: $log/build-$KERNEL.log)"
fi
ln -sfn "$image" "$objects/image"
echo "$objects"
