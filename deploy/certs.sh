#!/bin/sh
# Makes the certificates of a cluster's mutual TLS (OpenSSL 3): an authority of the cluster's own and, for each region,
# one certificate that its services show both when they call and when they are called.
#
#   deploy/certs.sh DIRECTORY REGION=NAME[,NAME…]…
#   deploy/certs.sh certs us=us.example.net,10.1.0.4 eu=eu.example.net,10.2.0.4
#
# The names are the hosts and addresses by which the region's services are called, as they stand in the MERIDIAN_*
# variables. Writes DIRECTORY/ca.pem, ca.key and, for each region, REGION.pem and REGION.key. What is there already is
# kept, so regions can be added later; remove a region's two files to renew them. Services never need ca.key: keep it
# away from them.
set -eu
umask 077

CA_DAYS=3650
CERTIFICATE_DAYS=825

# certificate NAME DAYS OPTION… writes NAME.pem and NAME.key.
certificate() {
  name=$1 days=$2
  shift 2
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -sha256 -days "$days" \
    -subj "/O=Meridian/CN=$name" -keyout "$name.key" -out "$name.pem" "$@" 2>"$name.log" || {
    cat "$name.log" >&2
    rm -f "$name.key" "$name.pem" "$name.log"
    exit 1
  }
  rm "$name.log"
  echo "$name.pem: valid until $(openssl x509 -in "$name.pem" -noout -enddate | cut -d= -f2)"
}

# subject_alt_name NAME,NAME… prints them as OpenSSL wants them, localhost first.
subject_alt_name() {
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1'
  printf '%s\n' "$1" | tr ',' '\n' | while read -r name; do
    case $name in
      *:*) printf ',IP:%s' "$name" ;;
      *[!0-9.]*) printf ',DNS:%s' "$name" ;;
      *) printf ',IP:%s' "$name" ;;
    esac
  done
}

usage() {
  sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
  exit 2
}

[ $# -ge 2 ] || usage
directory=$1
shift
for region; do
  case $region in
    -* | =* | *= | ca=* | */*) usage ;;
    *=*) ;;
    *) usage ;;
  esac
done

mkdir -p "$directory"
cd "$directory"
[ -e ca.pem ] || certificate ca "$CA_DAYS" -addext 'keyUsage=critical,keyCertSign,cRLSign'
for region; do
  name=${region%%=*}
  [ -e "$name.pem" ] || certificate "$name" "$CERTIFICATE_DAYS" -CA ca.pem -CAkey ca.key \
    -addext "$(subject_alt_name "${region#*=}")" \
    -addext 'basicConstraints=critical,CA:FALSE' \
    -addext 'keyUsage=critical,digitalSignature' \
    -addext 'extendedKeyUsage=serverAuth,clientAuth'
done
