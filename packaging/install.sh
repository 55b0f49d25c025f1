#!/bin/sh
# Installs what packaging/files.list lists. The programs have to be built.
# Usage: install.sh [--list | --uninstall] [NAME=VALUE…]; each NAME may also be a variable of the environment
#   --list                  only tells what would be installed: kind, mode, path and source of each file, a line each
#   --uninstall             removes these files again, but for configuration, and empty directories of isomirror's;
#                           before it: systemctl disable --now isomirrord isomirror-fetch isomirror-serve.socket isomirror-serve
#                           and: isomirror umount --all
#   DESTDIR=DIR             directory that stands for the root of the file system, as packagers want it
#   PREFIX=/usr             where programs, units, manuals and examples go, like /usr/local
#   BINARIES=target/release directory of the built programs
#   SBINDIR=/usr/sbin       where mount(8) looks for helpers
#   ZSHDIR=PREFIX/share/zsh/site-functions
# After an installation without DESTDIR:
#   systemd-sysusers && systemd-tmpfiles --create && udevadm control --reload && journalctl --update-catalog && systemctl daemon-reload
#   systemctl enable --now isomirrord isomirror-fetch isomirror-serve.socket isomirror-serve
set -eu
umask 022

usage() { sed -n '3,15s/^# \{0,1\}//p' "$0"; }
wrong() { usage >&2; printf '\ninstall.sh: %s\n' "$1" >&2; exit 2; }
mode=install
: "${DESTDIR:=}" "${PREFIX:=/usr}" "${BINARIES:=target/release}" "${SBINDIR:=/usr/sbin}"
for argument; do
    case $argument in
        --list | --uninstall)
            [ "$mode" = install ] || wrong 'one of --list and --uninstall at a time'
            mode=${argument#--} ;;
        DESTDIR=*) DESTDIR=${argument#*=} ;;
        PREFIX=*) PREFIX=${argument#*=} ;;
        BINARIES=*) BINARIES=${argument#*=} ;;
        SBINDIR=*) SBINDIR=${argument#*=} ;;
        ZSHDIR=*) ZSHDIR=${argument#*=} ;;
        -h | --help) usage; exit 0 ;;
        *) wrong "unknown argument \`$argument\`" ;;
    esac
done
PREFIX=${PREFIX%/}
: "${ZSHDIR:=$PREFIX/share/zsh/site-functions}"
# These are written into units and rules, which have no way to quote a path.
for place in "$PREFIX/" "$SBINDIR" "$ZSHDIR"; do
    case $place in
        *[!A-Za-z0-9/._+-]*) wrong "\`$place\` has a character that units and udev rules cannot have in a path" ;;
        /*) ;;
        *) wrong "\`$place\` does not begin with /" ;;
    esac
done
# Both may be relative to where this is called.
case $BINARIES in target/release | /*) ;; *) BINARIES=$PWD/$BINARIES ;; esac
case $DESTDIR in '' | /*) ;; *) DESTDIR=$PWD/$DESTDIR ;; esac
cd "$(dirname "$(realpath "$0")")/.."

# The list with its places filled in and its trees spread out.
list() {
    sed -e '/^#/d; /^$/d' -e "s|{prefix}|$PREFIX|g; s|{sbin}|$SBINDIR|g; s|{zsh}|$ZSHDIR|g" packaging/files.list |
        while read -r kind mode to from; do
            case $from in '{binaries}'*) from=$BINARIES${from#'{binaries}'} ;; esac
            if [ "$kind" != tree ]; then
                printf '%s %s %s %s\n' "$kind" "$mode" "$to" "$from"
                continue
            fi
            find "$from" -type d | LC_ALL=C sort | while read -r directory; do
                printf 'directory 0755 %s -\n' "$to${directory#"$from"}"
            done
            find "$from" -type f | LC_ALL=C sort | while read -r file; do
                printf 'tree %s %s %s\n' "$mode" "$to${file#"$from"}" "$file"
            done
        done
}

# A link that holds wherever the file system is mounted.
link() {
    mkdir -p "$DESTDIR${1%/*}"
    ln -srfT "$DESTDIR$2" "$DESTDIR$1"
}

install_all() {
    while read -r kind mode to from; do
        case $kind in
            directory) install -d -m "$mode" "$DESTDIR$to" ;;
            link) link "$to" "$from" ;;
            config)
                # What the administrator wrote stays, and what would be installed now lies beside it.
                if [ -e "$DESTDIR$to" ] && ! cmp -s "$from" "$DESTDIR$to"; then
                    printf 'kept %s; the new one is %s.new\n' "$to" "$to"
                    to=$to.new
                fi
                install -D -m "$mode" "$from" "$DESTDIR$to" ;;
            *) install -D -m "$mode" "$from" "$DESTDIR$to" ;;
        esac
        if [ "$kind" = unit ] && [ "$PREFIX" != /usr ]; then
            sed -i "s|/usr/bin/isomirror|$PREFIX/bin/isomirror|g" "$DESTDIR$to"
        fi
    done
}

uninstall_all() {
    printf '%s\n' "$1" | while read -r kind _ to _; do
        case $kind in
            config) rm -f "$DESTDIR$to.new" ;;
            directory) ;;
            *) rm -f "$DESTDIR$to" ;;
        esac
    done
    # Only once they are empty, which those within them are before them.
    printf '%s\n' "$1" | sed -n 's/^directory [^ ]* \([^ ]*\) .*/\1/p' | LC_ALL=C sort -r | while read -r directory; do
        rmdir "$DESTDIR$directory" 2>/dev/null || true
    done
}

files=$(list)
case $mode in
    list) printf '%s\n' "$files" ;;
    uninstall) uninstall_all "$files" ;;
    install)
        for program in isomirrord isomirror; do
            if [ ! -x "$BINARIES/$program" ]; then
                printf 'install.sh: there is no %s/%s: run cargo build --release --locked first, or name their directory by BINARIES=\n' "$BINARIES" "$program" >&2
                exit 1
            fi
        done
        printf '%s\n' "$files" | install_all ;;
esac
