# Serves the exporter's page at port 9435 until somebody connects to port 9436.

# The device's name should not become part of the page.
name='<b>"paths"'
dm() { dmsetup --manglename none "$@"; }
dm create "$name" --table '0 65536 switch 1 128 0 /dev/ram10 0'

if command -v dmmsg-exporter >/dev/null; then
	# Port and address are those of the guest's network, which ends at this machine's loopback.
	dmmsg-exporter --listen 0.0.0.0:9435 --per-device 4 &
	until wget -q -O /dev/null http://127.0.0.1:9435/healthz; do sleep 0.1; done
else
	# FIXME: stands for the exporter until there is one; goes with the first that is built.
	mkdir -p /tmp/pages
	cat >/tmp/pages/index.html <<-'PAGE'
		<!doctype html>
		<meta charset="utf-8">
		<meta name="viewport" content="width=device-width">
		<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
		<title>stand-in</title>
		<style>:root { color-scheme: light dark }</style>
		<div id="dmmsg_messages_total"><data value="7">seven</data></div>
		<div id="dmmsg_message_errors_total"><data value="0">none</data></div>
	PAGE
	printf 'dmmsg_messages_total{verb="%s"} %d\n' a 3 b 4 >/tmp/pages/metrics
	httpd -p 9435 -h /tmp/pages
fi

for message in 'set_region_mappings 0:0' 'set_region_mappings 0:0' bogus; do
	dm message "$name" 0 "$message"
done

nc -l -p 9436 >/dev/null
