#!/bin/sh
# Installs what packaging/files.list lists. The programs have to be built.
# Usage: install.sh [--list | --uninstall] [NAME=VALUE…]
#   --list                  only tells what would be installed: kind, mode, path and source of each file, a line each
#   --uninstall             removes these files again, but for configuration, and empty directories of isomirror's
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

usage() { sed -n '3,13s/^# \{0,1\}//p' "$0"; }
mode=install DESTDIR='' PREFIX=/usr BINARIES=target/release SBINDIR=/usr/sbin ZSHDIR=''
for argument; do
    case $argument in
        --list | --uninstall) mode=${argument#--} ;;
        DESTDIR=*) DESTDIR=${argument#*=} ;;
        PREFIX=/*) PREFIX=${argument#*=} ;;
        BINARIES=*) BINARIES=${argument#*=} ;;
        SBINDIR=/*) SBINDIR=${argument#*=} ;;
        ZSHDIR=/*) ZSHDIR=${argument#*=} ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
PREFIX=${PREFIX%/}
: "${ZSHDIR:=$PREFIX/share/zsh/site-functions}"
# Both may be relative to where this is called.
case $BINARIES in target/release | /*) ;; *) BINARIES=$PWD/$BINARIES ;; esac
case $DESTDIR in '' | /*) ;; *) DESTDIR=$PWD/$DESTDIR ;; esac
cd "$(dirname "$0")/.."

# The list with its places filled in and its trees spread out.
list() {
    sed -e '/^#/d; /^$/d' -e "s|{prefix}|$PREFIX|g; s|{sbin}|$SBINDIR|g; s|{zsh}|$ZSHDIR|g; s|{binaries}|$BINARIES|g" packaging/files.list |
        while read -r kind mode to from; do
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
    while read -r kind _ to _; do
        case $kind in
            config) ;;
            # Only once they are empty, which those within them are before them.
            directory) printf '%s\n' "$to" ;;
            *) rm -f "$DESTDIR$to" ;;
        esac
    done | LC_ALL=C sort -r | while read -r directory; do
        rmdir "$DESTDIR$directory" 2>/dev/null || true
    done
}

case $mode in
    list) list ;;
    uninstall) list | uninstall_all ;;
    install)
        for program in isomirrord isomirror; do
            if [ ! -x "$BINARIES/$program" ]; then
                printf 'install.sh: there is no %s/%s: run cargo build --release --locked first\n' "$BINARIES" "$program" >&2
                exit 1
            fi
        done
        list | install_all ;;
esac
