#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# laid_test.sh [all] - does a kernel tree with our files do what its developers expect? In
# KTAP. With "all", it builds and boots kernels by kunit.py, too

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

one='page64.*altmap*'	# cases, for which a second is enough

# says <log name> <pattern> <command>...: it succeeds, and says this.
says() {
	step "$1" "laid-$1" "${@:3}" && grep -qE -e "$2" "$log/laid-$1.log" && return
	tail -n 20 "$log/laid-$1.log" >&2
	return 1
}

kunit() {
	says "$1" 'Testing complete\. Ran [1-9]' env -u MAKEFLAGS PYTHONDONTWRITEBYTECODE=1 \
		"$src/tools/testing/kunit/kunit.py" run --kunitconfig=mm/tests/vmemmap --jobs="$(nproc)" \
		--build_dir="$build/$id/kunit.py-$1" --arch="$1" --cross_compile="$(cross_prefix "$1")"
}

laid_tree() {
	case $1 in
	make-in-tree)
		says "$1" '# Totals: pass:[1-9][0-9]* fail:0' env -u MAKEFLAGS \
			make -j"$(nproc)" -C "$src/tools/testing/vmemmap" FILTER="$one" ;;
	make-unit-of-tree)
		says "$1" '# Totals: pass:[1-9][0-9]* fail:0' "$tools/harness.sh" unit MM="$src/mm" FILTER="$one" ;;
	kselftest)
		says "$1" '^ok 1 selftests: vmemmap: vmemmap\.sh( # SKIP)?$' env -u MAKEFLAGS \
			make -C "$src/tools/testing/selftests" TARGETS=vmemmap run_tests ;;
	htmldocs)
		step "$1" "laid-$1" env -u MAKEFLAGS make -C "$src" O="$documents" htmldocs SPHINXDIRS=mm &&
			[ -n "$(find "$documents" -name vmemmap.html)" ] ;;
	x86_64|arm64)
		kunit "$1" ;;
	esac
}

names="make-in-tree make-unit-of-tree kselftest htmldocs"
parts=(unit docs "kernel-$(host_arch)")
if [ "${1-}" = all ]; then
	names+=" x86_64 arm64"
	parts+=({kernel,qemu}-{x86_64,arm64})
fi
need "${parts[@]}"
src=$(call tree) documents=$build/$id/documents
# shellcheck disable=SC2086 # words
try_each laid_tree $names
