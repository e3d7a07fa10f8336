# Serves the exporter's page at port 9435 until somebody connects to port 9436.

# The device's name should not become part of the page.
name='<b>"paths"'
dm() { dmsetup --manglename none "$@"; }
dm create "$name" --table '0 65536 switch 1 128 0 /dev/ram10 0'

# Port and address are those of the guest's network, which ends at this machine's loopback.
dmmsg-exporter --listen 0.0.0.0:9435 --per-device 4 &
until wget -q -O /dev/null http://127.0.0.1:9435/healthz; do sleep 0.1; done

for message in 'set_region_mappings 0:0' 'set_region_mappings 0:0' bogus; do
	dm message "$name" 0 "$message"
done

nc -l -p 9436 >/dev/null
