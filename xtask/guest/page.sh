# Serves a page at port 9435 until somebody connects to port 9436.
# FIXME: the exporter belongs here, with devices and messages; until it is there, a page stands for it.

mkdir -p /tmp/pages
cat >/tmp/pages/index.html <<'PAGE'
<!doctype html>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'">
<link rel="icon" href="data:,">
<title>stand-in</title>
<style>:root { color-scheme: light dark }</style>
<table><tr><td id="messages">7</td></tr></table>
<script>
fetch('/metrics').then(answer => answer.text()).then(text => {
  document.getElementById('messages').textContent = text.match(/^dmmsg_messages_total (\d+)$/m)[1]
})
</script>
PAGE
echo 'dmmsg_messages_total 7' >/tmp/pages/metrics
httpd -p 9435 -h /tmp/pages
nc -l -p 9436 >/dev/null
