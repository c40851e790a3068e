#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
mutants.py [-v] [-n <number>] [-j <jobs>] [<function>...] - break the sources of
mm/ in one place after the other, and see whether the test cases notice

Each pattern below says how a piece of code can be wrong. What it makes of a
place is a mutant; which mutants are run is settled by a hash of function and
text, so that it is the same every time and changes little when the code does.
One that does not compile, or gives the machine code of the original or of another
mutant, is none. The survivors' reasons are in mutants.txt.
"""
import argparse
import concurrent.futures
import difflib
import hashlib
import os
import queue
import re
import shutil
import subprocess
import sys

from reasons import read_reasons

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.realpath(os.path.join(HERE, "../../.."))
BUILD = os.path.join(TOP, "build/mutants")
VARIANTS = [["-DSTRUCT_PAGE_SIZE=64", "-DCONFIG_DEBUG_VM"], ["-DSTRUCT_PAGE_SIZE=80"],
            ["-DSTRUCT_PAGE_SIZE=32"]]
# The slow ones last: most mutants do not live to see them.
GLOBS = ["!(*every_range_*)", "every_range_*"]
MOST_SURVIVORS = 0.05
TIME_LIMIT = 300

# A statement of its own: a call, an assignment, a count.
CALL = r"(?!return|if|for|while|switch)[a-z_]\w*\([^;{}#]*;"
STATEMENT = rf"(?:{CALL}|(?!return)[a-z_][\w\->.\[\]]*(?: [-+&|]?= |\+\+;)[^;{{}}#]*;?)"


def swap(first, second):
    return (rf"\n(?P<indent>\t+)(?P<first>{first})\n(?P=indent)(?P<second>{second})(?=\n)",
            r"\n\g<indent>\g<second>\n\g<indent>\g<first>")


# What is wrong: pattern, and what stands there instead. A pattern is tried on
# code without comments and strings, at each place where it matches.
PATTERNS = [
    # a comparison that is the wrong way round, or wrong at the boundary
    (r" == ", " != "), (r" != ", " == "),
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" < ", " >= "), (r" <= ", " > "), (r" > ", " <= "), (r" >= ", " < "),
    (r" && ", " || "), (r" \|\| ", " && "),
    (r"(?<=[\s(])!(?=[\w(])", ""),
    (r"\bif \((?=\w+(?:\([^()]*\))?\)\n)", "if (!"),
    # a range that is too long, too short or somewhere else
    (r" \+ ", " - "), (r" - ", " + "), (r" [-+] 1\b", ""),
    (r" % ", " / "), (r" / ", " * "), (r"(?<=[(\s])-(?=[\w(])", ""),
    (r" & ", " | "), (r"~(?=[\w(])", ""),
    (r"\bPAGE_ALIGN\(", "PAGE_ALIGN_DOWN("), (r"\bPAGE_ALIGN_DOWN\(", "PAGE_ALIGN("),
    (r"\bDIV_ROUND_UP\((.*), (.*)\);", r"(\1) / (\2);"),
    (r"\bALIGN_DOWN\((\w+), \w+\)", r"\1"),
    (r"\bSECTION_ALIGN_DOWN\((\w+)\)", r"\1"),
    (r"\bmin\(", "max("), (r"\bmax\(", "min("),
    (r"\bPMD_SIZE\b", "PAGE_SIZE"), (r"\bPUD_SIZE\b", "PMD_SIZE"),
    (r"\bP4D_SIZE\b", "PUD_SIZE"), (r"\bPGDIR_SIZE\b", "P4D_SIZE"),
    (r"\bPMD_ORDER\b", "0"), (r"\bPAGES_PER_SECTION\b", "PAGES_PER_SUBSECTION"),
    (r"\bPTRS_PER_(\w+)\b", r"(PTRS_PER_\1 - 1)"),
    (r"\bPGTBL_PMD_MODIFIED\b", "PGTBL_PUD_MODIFIED"),
    (r"\bPGTBL_(PUD|P4D|PGD)_MODIFIED\b", "PGTBL_PMD_MODIFIED"),
    # a step that is left out: a flush, a put, an entry, a counter
    (rf"\n(?P<indent>\t+){STATEMENT}(?=\n)", r"\n\g<indent>;"),
    swap(CALL, STATEMENT), swap(STATEMENT, CALL),
    (r"(?<=\w)\+\+;", ";"), (r" \+= ", " -= "), (r" -= ", " += "),
    (r" \|= ", " = "), (r" &= ", " = "),
    # another answer, or another way to go on
    (r"\breturn true;", "return false;"), (r"\breturn false;", "return true;"),
    (r"\breturn 0;", "return -EINVAL;"), (r"\breturn -E\w+;", "return 0;"),
    (r"\breturn ERR_PTR\(-E\w+\);", "return NULL;"),
    (r"\n\t+return;(?=\n\t)", "\n;"),
    (r"\bcontinue;", "break;"), (r"\bbreak;", "continue;"),
    (r"(?<=[=,] )true\b", "false"), (r"(?<== )0(?=;)", "1"),
    # somebody or something else
    (r"(?<=, )altmap(?=[,)])", "NULL"), (r"(?<=, )fill->altmap(?=[,)])", "NULL"),
    (r"(?<=, )(?:nid|node|fill->nid)(?=[,)])", "NUMA_NO_NODE"),
    (r"\b(?:start|addr)(?=, (?:end|next)[,)])", "end"),
    (r"\blast\b(?=[;,)])", "first"), (r"&ram\b", "fill"),
]


class Mutant:
    """A source with one change."""

    def __init__(self, path, function, text, match, replacement):
        start, end = match.span()
        self.path = path
        self.text = text[:start] + replacement + text[end:]
        # whole lines, as they were and as they are
        start += match.group().startswith("\n")
        first = text.rfind("\n", 0, start) + 1
        last = text.find("\n", max(start, end))
        before, after = text[first:last], self.text[first:last + len(self.text) - len(text)]
        self.line = text.count("\n", 0, start) + 1
        self.finding = f"{function}: {one_line(before)} -> {one_line(after)}"
        self.rank = hashlib.sha256(self.finding.encode()).digest()


def one_line(code):
    return " ".join(code.replace("\\\n", " ").split())


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    """The text without comments, strings and the lines of the preprocessor."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', blank, text)
    return re.sub(r"^#\s*(?:include|if|ifn?def|endif|else|undef)\b[^\n]*", blank, text, flags=re.M)


def functions(code):
    """(name, start, end) of each body of a function, or of a macro with one."""
    for match in re.finditer(r"^(?!#)[^\n{};]*?\b(\w+)\([^{};]*\)\n(\{\n.*?^\})", code, re.M | re.S):
        yield match.group(1), match.start(2), match.end(2)
    for match in re.finditer(r"^#define (\w+)\([^\n]*\\\n(?:[^\n]*\\\n)*[^\n]*", code, re.M):
        yield match.group(1), match.start() + len("#define"), match.end()


def mutants_of(path):
    text = read(path)
    code = code_only(text)
    for name, start, end in functions(code):
        for pattern, replacement in PATTERNS:
            at = start
            regex = re.compile(pattern)
            while match := regex.search(code, at, end):
                at = match.start() + 1
                original = regex.match(text, match.start(), end) or match
                yield Mutant(path, name, text, original, original.expand(replacement))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def program(variant, text):
    """What the compiler makes of a file, without sanitizers; None: nothing."""
    command = ["gcc", "-std=gnu11", "-fno-strict-aliasing", "-O1", "-w", "-D_GNU_SOURCE",
               *variant, f"-I{HERE}", f"-I{HERE}/include", f"-I{TOP}/mm",
               "-idirafter", f"{TOP}/include",
               "-include", f"{HERE}/vmemmap_base.h", "-x", "c", "-S", "-o", "-", "-"]
    result = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    return hashlib.sha256(result.stdout).digest() if result.returncode == 0 else None


def difference(mutant, originals):
    """The first variant that is another program, and that; None: there is none."""
    for nr, (variant, original) in enumerate(zip(VARIANTS, originals[mutant.path])):
        mutated = program(variant, mutant.text)
        if mutated != original:
            return mutated and (mutant.path, nr, mutated)
    return None


def build_unit():
    """What the workers copy must be of the sources as they are."""
    built = subprocess.run(["make", "-s", f"-j{os.cpu_count()}", "-C", HERE, "build",
                            f"O={TOP}/build/unit"],
                           stdout=subprocess.DEVNULL, check=False)
    if built.returncode:
        sys.exit("error: the sources as they are do not build; see above")


class Worker:
    """A copy of the sources and of what was built of them."""

    def __init__(self, number):
        self.dir = os.path.join(BUILD, str(number))
        shutil.rmtree(self.dir, ignore_errors=True)
        for source, name in (("mm", "mm"), ("include", "include"), ("build/unit", "unit")):
            shutil.copytree(os.path.join(TOP, source), os.path.join(self.dir, name))
        self.mutated = None

    def write(self, path, text):
        with open(os.path.join(self.dir, path), "w", encoding="utf-8") as file:
            file.write(text)

    def restore(self):
        self.write(self.mutated, read(self.mutated))

    def build(self):
        subprocess.run(["make", "-s", "-j1", "-C", HERE, "build", f"MM={self.dir}/mm",
                        f"O={self.dir}/unit", "CFLAGS=-Og -g1 -w"],
                       env=os.environ | {"CCACHE_DISABLE": "1"},
                       stdout=subprocess.DEVNULL, check=True)

    def killer(self, mutant):
        """The test case that notices; None: none does."""
        if self.mutated and self.mutated != mutant.path:
            self.restore()
        self.mutated = mutant.path
        self.write(mutant.path, mutant.text)
        self.build()
        return self.run()

    def run(self):
        for glob in GLOBS:
            try:
                result = subprocess.run([f"{self.dir}/unit/unit", "-e", "-s", "7", glob],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        timeout=TIME_LIMIT, check=False)
            except subprocess.TimeoutExpired:
                return "the time limit"
            if result.returncode:
                failed = re.search(rb"^not ok \d+ (\S+)", result.stdout, re.M)
                return failed.group(1).decode() if failed else "a crash"
        return None


def select(candidates, number, jobs):
    """Of those in their order of rank the first that are programs of their own."""
    originals = {path: [program(variant, read(path)) for variant in VARIANTS]
                 for path in {mutant.path for mutant in candidates}}
    chosen, seen = [], {None}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        while candidates and len(chosen) < number:
            batch, candidates = candidates[:4 * jobs], candidates[4 * jobs:]
            for mutant, code in zip(batch, pool.map(lambda m: difference(m, originals), batch)):
                if code not in seen and len(chosen) < number:
                    chosen.append(mutant)
                seen.add(code)
    return sorted(chosen, key=lambda mutant: (mutant.path, mutant.line))


def hunt(chosen, workers, args):
    """Each mutant, and who killed it."""
    def try_one(mutant):
        worker = workers.get()
        killer = worker.killer(mutant)
        workers.put(worker)
        if args.v:
            print(f"# {mutant.path}:{mutant.line}: {mutant.finding}\n#\t{killer}", flush=True)
        return mutant, killer

    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        return list(pool.map(try_one, chosen))


def tell(fates, candidates):
    """Print who survived; True if they are few and each has a reason."""
    reasons = read_reasons(os.path.join(HERE, "mutants.txt"))
    survivors = [mutant for mutant, killer in fates if not killer]
    is_good = len(survivors) <= MOST_SURVIVORS * len(fates)
    for mutant in survivors:
        why = reasons.get(mutant.finding, "")
        is_good &= bool(why)
        print(f"{mutant.path}:{mutant.line}: {mutant.finding}\n\t{why or 'NO REASON GIVEN'}")
    survived = {mutant.finding for mutant in survivors}
    killers = {mutant.finding: killer for mutant, killer in fates if killer}
    possible = {mutant.finding for mutant in candidates}
    for finding in reasons:
        if finding not in possible:
            print(f"mutants.txt: there is no such mutant: {finding}")
            is_good = False
        elif finding in killers and finding not in survived:
            print(f"mutants.txt: {killers[finding]} notices: {finding}")
            is_good = False
    print(f"{len(fates) - len(survivors)} killed, {len(survivors)} survived")
    return is_good


def main():
    parser = argparse.ArgumentParser(description="break mm/ in many ways, one at a time")
    parser.add_argument("-n", type=int, default=150, help="number of mutants; 0: all")
    parser.add_argument("-j", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("-v", action="store_true", help="tell who killed each")
    parser.add_argument("functions", nargs="*", help="break these only")
    args = parser.parse_args()

    sources = sorted(os.path.join("mm", name) for name in os.listdir(os.path.join(TOP, "mm"))
                     if name.endswith(".c"))
    candidates = sorted((mutant for path in sources for mutant in mutants_of(path)),
                        key=lambda mutant: mutant.rank)
    known = {mutant.finding.split(":")[0] for mutant in candidates}
    for function in args.functions:
        if function not in known:
            near = difflib.get_close_matches(function, known, 5, 0.4)
            sys.exit(f"error: mm/ has no function {function}; near: {' '.join(near) or 'none'}")
    wanted = [mutant for mutant in candidates
              if not args.functions or mutant.finding.split(":")[0] in args.functions]
    build_unit()
    chosen = select(wanted, args.n or len(wanted), args.j)
    print(f"# {len(chosen)} mutants, of {len(candidates)} places to break", flush=True)

    workers = queue.SimpleQueue()
    for number in range(args.j):
        workers.put(Worker(number))
    killer = Worker("original").run()
    if killer:
        sys.exit(f"error: {killer} fails on the sources as they are")
    sys.exit(not tell(hunt(chosen, workers, args), candidates))


if __name__ == "__main__":
    main()
