#!/bin/sh
# Collects what ctwhy reads best about connection tracking on this host into one tar.
# It changes nothing: every command reads, and what would load a module or make a table is asked for only where that is
# there. (conntrack and ss may load the modules they ask through: nf_conntrack_netlink, tcp_diag.)
#
#   sudo sh collect.sh                    one reading, into ctwhy-HOST-TIME.tar
#   sudo sh collect.sh -t 60 case.tar     two readings, 60 seconds apart, and the events between them
#   ssh gw sudo sh -s -- - < collect.sh > case.tar
#
# Then, where ctwhy is: ctwhy explain -r case.tar
# The tar holds addresses, rules and the kernel log of this host. Needs sh, tar, date, sed, tr, cut, cat; uses what the
# host has of conntrack, nft, iptables, ss, ip, nstat, sysctl, ethtool, journalctl, dmesg.

#= settings

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$0"
}

problem() {
  echo "collect: $*" >&2
  clean
  exit 1
}

clean() {
  [ -z "$listener" ] || kill "$listener" 2>/dev/null
  listener=
  [ -z "$dir" ] || rm -rf "$dir"
}

# Sets $now to the time in seconds, as fine as this host tells it. busybox's date often knows whole seconds only: there, the
# hundredths of /proc/uptime are counted from a moment at which the second changed.
now() {
  case $clock in
    date)
      now=$(date +%s.%N)
      now=${now%???} ;;
    uptime)
      read -r up rest </proc/uptime
      now_s=$((${up%.*} - base_s + base_epoch))
      now_c=$((1${up#*.} - 100 - base_c))
      if [ "$now_c" -lt 0 ]; then
        now_c=$((now_c + 100))
        now_s=$((now_s - 1))
      fi
      case $now_c in ?) now_c=0$now_c ;; esac
      now=$now_s.$now_c ;;
    *) now=$(date +%s) ;;
  esac
}

set_clock() {
  case $(date +%N) in
    [0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9])
      clock=date
      return ;;
  esac
  clock=seconds
  [ -r /proc/uptime ] || return
  base_epoch=$(date +%s)
  while [ "$(date +%s)" = "$base_epoch" ]; do :; done
  read -r up rest </proc/uptime
  base_epoch=$(date +%s)
  base_s=${up%.*}
  base_c=$((1${up#*.} - 100))
  clock=uptime
}

# A line of the manifest. By cat: a shell's own echo may not notice a full disk.
say() {
  echo "$1" | cat 2>/dev/null >>"$dir/MANIFEST" || no_space
}

no_space() {
  problem "cannot write to $dir: is its disk full? (TMPDIR names another place)"
}

# Sets $quoted to what a file holds, on one line.
quote_file() {
  quoted="\"$(tr '\n\t\r' '   ' <"$1" | cut -c1-400 | sed -e 's/[\\"]/\\&/g' -e 's/ *$//')\""
}

# KEY COMMAND...: what the manifest says of the host, from the first line that the command prints.
state() {
  key=$1
  shift
  value=$("$@" 2>/dev/null </dev/null | sed -n 1p)
  [ -z "$value" ] || say "$key $value"
}

# Whether a module is loaded or built in.
loaded() {
  [ -d "/sys/module/$1" ] || [ ! -e /proc/modules ] ||
    grep "/$1\.ko" "/lib/modules/$(uname -r)/modules.builtin" >/dev/null 2>&1
}

# Whether a list of the kernel has a line: 0 yes, 1 no, 2 it may not be read.
lists() {
  [ -e "$1" ] || return 1
  listed=$(cat "$1" 2>/dev/null) || return 2
  [ -n "$listed" ]
}

# FILE: what follows is to be kept as this file.
begin() {
  file=$1
  failure= was_silent=no at=
  [ -z "$moment" ] || at=" moment=$moment"
  rm -f "$dir/.partial"
  [ ! -t 2 ] || echo "collect: $file" >&2
}

# COMMAND...: runs it for each interface, some of them where there are very many; sets $command to what was run.
each_interface() {
  count=0 worst=0 command="$*" more=
  # Not /sys/class/net: nsenter leaves that of another network namespace mounted.
  for name in $(sed -n 's/^ *\([A-Za-z0-9_.@-]*\):.*/\1/p' /proc/net/dev); do
    count=$((count + 1))
    [ "$count" -le "$most_interfaces" ] || break
    more="$more${more:+; }$* $name"
    "$@" "$name" </dev/null || worst=$?
  done
  command=${more:-$command}
  return "$worst"
}

# any|some once|each COMMAND...: keeps what it prints as $file. 'some': nothing printed is a failure.
take() {
  may_be=$1 how=$2
  shift 2
  command="$*"
  now
  start=$now
  if command -v "$1" >/dev/null 2>&1; then
    if [ "$how" = each ]; then
      each_interface "$@" >"$dir/$file" 2>"$dir/.error"
    else
      "$@" >"$dir/$file" 2>"$dir/.error" </dev/null
    fi
    status=$?
    now
  else
    status=127
    echo "$1: not installed" >"$dir/.error"
    : >"$dir/$file"
  fi
  if [ "$status" -eq 0 ] && { [ "$may_be" = any ] || [ -s "$dir/$file" ]; }; then
    say "part $file start=$start end=$now exit=0$at command=$command"
    files="$files $file"
    return 0
  fi
  silent=no
  [ "$status" -ne 0 ] || { silent=yes status=1; echo 'nothing printed' >"$dir/.error"; }
  quote_file "$dir/.error"
  # What a program printed before it failed is kept where no other does better.
  if [ -s "$dir/$file" ] || [ -z "$failure" ] || [ "$was_silent" = yes ]; then
    was_silent=$silent
    failure="start=$start end=$now exit=$status$at error=$quoted command=$command"
    mv "$dir/$file" "$dir/.partial"
  fi
  return 1
}

failed() {
  mv "$dir/.partial" "$dir/$file"
  say "part $file $failure"
  files="$files $file"
  not_read="$not_read $file"
}

# PATH COMMAND...: what the command would read was not even to be asked for.
denied() {
  path=$1
  shift
  now
  : >"$dir/.partial"
  failure="start=$now end=$now exit=1$at error=\"$path: permission denied\" command=$*"
  failed
}

host_lines() {
#= statements
  netns=$(readlink /proc/self/ns/net 2>/dev/null)
  netns=${netns#*\[}
  netns=${netns%]}
  [ ! -e /proc/sys/net/netfilter/nf_log_all_netns ] || netns="init $netns"
  [ -z "$netns" ] || say "netns $netns"
  # The programs run with TZ=UTC, so every stamp they print is UTC.
  say 'timezone +0000'
  say "note the zone of this host is $zone"
  if [ -r /proc/uptime ]; then
    read -r up rest </proc/uptime
    now
    say "uptime $up at $now"
  fi
  say "made-by $made_by"
  [ "$(id -u)" = 0 ] || say "note collected without root, as user $(id -u)"
}

read_moving() {
#= moving
}

read_settled() {
#= settled
}

#= listener

stop_listening() {
  [ -n "$listener" ] || return 0
  now
  listen_exit=0 listen_state=complete listen_error=
  if kill "$listener" 2>/dev/null; then
    wait "$listener" 2>/dev/null
    if grep -i -e ENOBUFS -e 'losing events' "$dir/.listen" >/dev/null 2>&1; then
      listen_state=lost
      quote_file "$dir/.listen"
      listen_error=" error=$quoted"
    fi
  else
    wait "$listener" 2>/dev/null
    listen_exit=$? listen_state=off
    quote_file "$dir/.listen"
    listen_error=" error=$quoted"
    not_read="$not_read $listen_file"
  fi
  listener=
  say "part $listen_file start=$listen_start end=$now exit=$listen_exit$listen_error command=$listen_command"
  say "coverage events state=$listen_state from=$listen_from to=$now"
  files="$files $listen_file"
}

finish() {
  # Not every program says that what it printed found no place.
  date 2>/dev/null >"$dir/.probe"
  [ -s "$dir/.probe" ] || no_space
  if ! command -v tar >/dev/null 2>&1; then
    echo "collect: there is no tar here; the files are in $dir" >&2
    exit 0
  fi
  cd "$dir" || problem "cannot enter $dir"
  # The list is ours: names without blanks.
  # shellcheck disable=SC2086
  if [ "$target" = - ]; then
    tar -cf - MANIFEST $files || problem 'the tar could not be written'
  else
    tar -cf "$target.$$.new" MANIFEST $files 2>.error || {
      said=$(cat .error 2>/dev/null)
      rm -f "$target.$$.new"
      problem "cannot write $target: ${said:-is its disk full?}"
    }
    mv -f "$target.$$.new" "$target" || problem "cannot write $target"
    echo "collect: $target" >&2
  fi
  [ -z "$not_read" ] || echo "collect: not read (MANIFEST says why):$not_read" >&2
  cd / && clean
}

# All in one function: a script that was cut on its way does nothing.
main() {
  force=no target= dir= listener= files= not_read= moment= suffix=
  while [ $# -gt 0 ]; do
    case $1 in
      -t)
        [ $# -gt 1 ] || { echo 'collect: -t takes seconds' >&2; exit 2; }
        seconds=$2
        shift ;;
      -f) force=yes ;;
      -h | --help)
        usage
        exit 0 ;;
      -) target=- ;;
      -*)
        echo "collect: there is no option $1: -t SECONDS, -f to write over FILE, FILE.tar or -" >&2
        exit 2 ;;
      *) target=$1 ;;
    esac
    shift
  done
  case $seconds in
    '' | *[!0-9]*)
      echo "collect: -t takes whole seconds, not '$seconds'" >&2
      exit 2 ;;
  esac

  zone=$(date +%z)
  LC_ALL=C TZ=UTC PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
  export LC_ALL TZ PATH
  umask 077

  if [ "$target" = - ] && [ -t 1 ]; then
    echo 'collect: a tar is nothing for a terminal; give a FILE, or a pipe' >&2
    exit 2
  fi
  [ -n "$target" ] || target=ctwhy-$(uname -n)-$(date +%Y%m%dT%H%M%SZ).tar
  case $target in
    - | /*) ;;
    *) target=$(pwd)/$target ;;
  esac
  if [ -e "$target" ] && [ "$force" = no ]; then
    echo "collect: $target is there already; -f writes over it" >&2
    exit 4
  fi
  dir=${TMPDIR:-/tmp}/ctwhy-collect.$$
  mkdir "$dir" || { dir=; problem "cannot make a folder in ${TMPDIR:-/tmp}"; }
  trap 'clean; exit 129' HUP
  trap 'clean; exit 130' INT
  trap 'clean; exit 143' TERM

  set_clock
  say "$first_line"
  host_lines
  if [ "$seconds" -eq 0 ]; then
    read_moving
    read_settled
  else
    listen
    moment=before suffix=-before
    read_moving
    [ ! -t 2 ] || echo "collect: waiting $seconds s" >&2
    sleep "$seconds"
    moment=after suffix=
    read_moving
    read_settled
    stop_listening
  fi
  finish
}

main "$@"
