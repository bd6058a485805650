# Sourced by test.sh and proof.sh. run_tests FILE …: runs them with node:test; in CI a skipped test or none at all fails.
# TEST_CONCURRENCY: files at a time; the default suits tests that start processes of their own on a small machine.
run_tests() {
  totals=$(mktemp) || return 73
  node --disable-warning=ExperimentalWarning --test --test-concurrency="${TEST_CONCURRENCY:-2}" \
    --test-reporter="${TEST_REPORTER:-spec}" --test-reporter-destination=stdout \
    --test-reporter="$POSTERN_ROOT/scripts/totals-reporter.mjs" --test-reporter-destination="$totals" "$@"
  status=$?
  # "ran=12 skipped=0"
  counts=$(cat "$totals"); rm -f "$totals"
  case $counts in
    "ran=0 "* | "") say "no test ran"; return 1 ;;
    *" skipped=0") ;;
    *) if [ "${CI:-}" = true ]; then say "a skipped test is a failure in CI ($counts)"; return 1; fi ;;
  esac
  return "$status"
}
