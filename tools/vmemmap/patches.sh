#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# patches.sh - make patches of this back end for a kernel tree, for git am, patch -p1
# and quilt; print where they are
#
# patches/series lists them. Each one is what overlay.sh lays when this clone has what
# the patches so far add. The differences between kernel series are resolved: a patch
# holds what one series needs, and no word of another.
#
# SIGNOFF=1 adds the Signed-off-by: of the user, as git knows him.

# shellcheck source=tools/vmemmap/lib.sh
. "$(dirname "$0")/lib.sh"

# The paths of what a step adds, under a directory that holds all of it.
expand() (
	cd "$laid"
	for pattern; do
		compgen -G "$pattern" || true
	done | while read -r pattern; do
		[ ! -e "$pattern" ] || find "$pattern" -type f
	done
)

# resolve <file>...: keep what this series needs. A macro that nothing asks for any more
# goes with its comment.
resolve() {
	local macro in flags=() macros=() file

	while read -r macro in; do
		if [[ " $in " == *" $version "* ]]; then
			flags+=("-D$macro")
		else
			flags+=("-U$macro")
		fi
		macros+=("$macro")
	done < <(grep -v '^#' "$tools/patches/macros")
	for file; do
		[[ $file == *.[ch] ]] || continue
		unifdef "${flags[@]}" -B -m "$file" || [ $? = 1 ] || fail "unifdef does not work on $file"
		drop_defines "$file" "${macros[@]}"
	done
}

drop_defines() {
	local file=$1

	shift
	MACROS=" $* " awk '
		/^#define [A-Z_]+$/ && index(ENVIRON["MACROS"], " " $2 " ") { comment = ""; dropped = 1; next }
		/^$/ && dropped { dropped = 0; if (blank) next }
		{ dropped = 0 }
		/^\/\*/ { open = 1 }
		open { comment = comment $0 "\n"; if (/\*\//) open = 0; next }
		{ printf "%s", comment; comment = ""; print; blank = /^$/ }
		END { printf "%s", comment }' "$file" >"$work/dropped"
	cmp -s "$work/dropped" "$file" || cat "$work/dropped" >"$file"
}

# The paragraphs of a Makefile.vmemmap whose objects have their sources in $clone.
objects_so_far() {
	local dir=${1%/*} paragraph object has

	while read -r -d '' paragraph; do
		has=1
		for object in $paragraph; do
			[[ $object == *.o ]] || continue
			[ -e "$clone/$dir/${object%.o}.c" ] || [ -e "$clone/$dir/tests/${object%.o}.c" ] || has=''
		done
		[ -z "$has" ] || printf '\n%s\n' "$paragraph"
	done < <(awk -v RS= -v ORS='\n\0' 'NR > 1' "$top/$1")
}

# The entries of Kconfig that a Makefile or an architecture asks for, if any.
options_so_far() {
	awk -v options="$(cat "$clone"/*/Makefile.vmemmap "$clone"/*/*/*/Makefile.vmemmap "$clone"/arch/*/mm/*.c 2>/dev/null | grep -o 'CONFIG_[A-Z0-9_]*' | xargs)" '
		/^config / { found = index(" " options " ", " CONFIG_" $2 " "); any += found }
		/^config / || /^endmenu/ { wanted = found || /^endmenu/ }
		NR == 1 || /^menu/ { wanted = 1 }
		wanted { text = text $0 "\n" }
		END { if (any) printf "%s", text }' "$top/Kconfig"
}

# The entry of MAINTAINERS, with the files so far.
entry_so_far() {
	[ ${#patterns[@]} = 0 ] ||
		grep -vxFf <(comm -23 <(grep '^F:' "$top/MAINTAINERS" | sort) <(printf 'F:\t%s\n' "${patterns[@]}" | sort)) "$top/MAINTAINERS"
}

# The message of a patch: a text, or what a semantic patch says of itself.
message() {
	case $1 in
	*.cocci) sed -n '2,/^\/\/ edits:/s,^// \?,,p' "$tools/$1" | sed '/^edits:/,$d' ;;
	*) cat "$tools/patches/$1" ;;
	esac
}

# write <file> <text>: no file if there is no text.
write() { if [ -n "$2" ]; then printf '%s\n' "$2" >"$1"; else rm -f "$1"; fi; }

# add_step <message> <what it adds>...
add_step() {
	local message=$1 item file text

	for item; do
		case $item in
		*.txt) ;;
		*.cocci) cp "$tools/$item" "$clone/tools/vmemmap" ;;
		*)
			patterns+=("$item")
			expand "$item" | while read -r file; do
				(cd "$laid" && cp --parents --preserve=mode "$file" "$clone")
			done ;;
		esac
	done
	(cd "$top" && ls {mm,lib,arch/*/mm}/Makefile.vmemmap) | while read -r file; do
		mkdir -p "$clone/${file%/*}"
		text=$(objects_so_far "$file")
		write "$clone/$file" "${text:+$(sed 1q "$top/$file")$'\n'$text}"
	done
	write "$clone/Kconfig" "$(options_so_far)"
	write "$clone/MAINTAINERS" "$(entry_so_far)"
	"$clone/tools/vmemmap/overlay.sh" lay "$tree" >/dev/null
	git -C "$tree" add -A
	git -C "$tree" diff --cached --quiet || git -C "$tree" commit -qF <(message "$message")
}

# The measured table of this series, or the last one that was written down.
table() {
	local tables=("$build/bench/$version"-*/table.txt)

	if [ -e "${tables[0]}" ]; then
		cat "${tables[@]}"
	elif [ -e "$top/Documentation/mm/vmemmap-bench-$version.csv" ]; then
		python3 -c 'import csv, sys
for row in csv.reader(sys.stdin):
    print(row[0].ljust(64), *(cell.rjust(9) for cell in row[1:]))' <"$top/Documentation/mm/vmemmap-bench-$version.csv"
	fi
}

cover() {
	echo "A memory map back end for Linux $version, version $number"
	echo
	cat "$tools/patches/cover.txt"
	echo
	table
}

# Patches of one clone are the same whoever makes them and whenever.
identify() {
	local ident date

	ident=$(git -C "$top" var GIT_AUTHOR_IDENT 2>/dev/null) || ident=''
	[ -n "$ident" ] || [ -z "${SIGNOFF:-}" ] ||
		fail "git does not know who you are; git config --global user.name and user.email say so"
	ident=${ident:-"vmemmap <vmemmap@localhost>"}
	export GIT_AUTHOR_NAME=${ident%% <*} GIT_COMMITTER_NAME=${ident%% <*}
	ident=${ident#*<}
	export GIT_AUTHOR_EMAIL=${ident%%>*} GIT_COMMITTER_EMAIL=${ident%%>*}
	date=$(git -C "$top" log -1 --format=%cI 2>/dev/null) || date='2000-01-01T00:00:00Z'
	export GIT_AUTHOR_DATE=$date GIT_COMMITTER_DATE=$date
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
}

need patches python
base=$(call base)
version=$(series_of "$base") number=$(own_version)
out=$build/patches/$id
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
laid=$work/laid tree=$work/tree clone=$work/clone patterns=()
identify

# What has to come out of all this, with the differences between series resolved.
mkdir -p "$laid" "$clone/tools/vmemmap"
{ echo Makefile && echo Kbuild && stock_files; } | while read -r file; do
	[ ! -e "$base/$file" ] || (cd "$base" && cp --parents --preserve=mode "$file" "$laid")
done
cp -r "$laid" "$tree"
call overlay lay "$laid" >/dev/null
mapfile -t files < <(cd "$laid" && find . -type f ! -path './.vmemmap/*')
for file in "${files[@]}"; do
	if [ ! -e "$tree/$file" ] || [ "$file" = ./mm/sparse-vmemmap.c ]; then
		resolve "$laid/$file"
	fi
done

cp "$tools"/{overlay,lib}.sh "$clone/tools/vmemmap"
cp "$top/.gitignore" "$clone"
git -C "$tree" init -q -b "vmemmap-$number"
git -C "$tree" add -A
git -C "$tree" commit -qm "Linux $version"
while read -r -a items; do
	add_step "${items[@]}"
done < <(grep -v '^#' "$tools/patches/series")
diff -r -x .git -x .vmemmap "$laid" "$tree" >&2 || fail "the patches do not make the laid tree; does patches/series name all?"

lock "$build/patches"
{ rm -rf "$out" && mkdir -p "$out"; } 2>/dev/null || fail "cannot write to $out"
git -C "$tree" config "branch.vmemmap-$number.description" "$(cover)"
git -C "$tree" format-patch -q --root -o "$out" --no-renames --break-rewrites=50%/50% --zero-commit --cover-letter \
	--cover-from-description=subject --subject-prefix="PATCH $version" --signature="vmemmap $number" \
	${SIGNOFF:+-s} "$(git -C "$tree" rev-list --max-parents=0 HEAD)..HEAD"
mv "$out/0000-cover-letter.patch" "$out/cover-letter"	# git am stops at a patch that changes nothing
(cd "$out" && printf '%s\n' *.patch >series)
echo "$out"
