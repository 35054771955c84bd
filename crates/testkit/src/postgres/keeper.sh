# Ends a server of tests when nobody uses it any more, however they ended. Arguments: the folder, the programs of PostgreSQL,
# how many seconds without a user are enough, and whether the folder goes, too. Each user holds a shared lock on `users.lock`
# for as long as it lives.
exec 8>"$1/keeper.lock" 9>"$1/users.lock"
flock -n 8 || exit 0
quiet=0
while [ "$quiet" -lt "$3" ]; do
    sleep 1
    if flock -n -x 9; then
        quiet=$((quiet + 1))
        flock -u 9
    else
        quiet=0
    fi
done
# Whoever has come in this instant is waited for; whoever comes from here on waits, and starts another server.
flock -x 9
"$2/pg_ctl" stop -D "$1/data" -m immediate -s
if [ "$4" = forever ]; then rm -rf "$1"; else rm -rf "$1/data"; fi
