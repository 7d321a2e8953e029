# is.sh -- sourced: checks that are commands. What one prints is shown if it fails; it goes to $dir/out.
# Counts them in $passed and $failed.
# shellcheck shell=bash disable=SC2034,SC2154
passed=0 failed=0
is() { # name, command...
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then
        echo "PASS $name"
        passed=$((passed + 1))
    else
        echo "FAIL $name"
        sed 's/^/     /' "$dir/out"
        failed=$((failed + 1))
    fi
}
