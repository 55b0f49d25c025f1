# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_isomirror_global_optspecs
    string join \n h/help V/version
end

function __fish_isomirror_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_isomirror_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_isomirror_using_subcommand
    set -l cmd (__fish_isomirror_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c isomirror -n "__fish_isomirror_needs_command" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_needs_command" -s V -l version -d 'Print version'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "status" -d 'Show what is served, since when, and what is wrong'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "list" -d 'List the published media, one a line'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "inspect" -d 'Show what an image or a disc says of itself, what is on it and how it boots'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "ls" -d 'List a directory of an image'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "cat" -d 'Write a file of an image to standard output'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "mount" -d 'Mount an image or a disc on a directory, read-only'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "umount" -d 'Unmount what `isomirror mount` mounted, or everything of ours below the web root'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "verify" -d 'Check images, discs and trees against everything that speaks about them'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "eject" -d 'Have the daemon let go of a disc and open its drive'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "rescan" -d 'Have the daemon look at all drives and directories again'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "fetch" -d 'Fetch images of the catalog, verified, into the store'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "catalog" -d 'List, show or check what can be fetched'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "doctor" -d 'Look at this host and say what would fail, and how to mend it'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "config" -d 'Check or show the configuration'
complete -c isomirror -n "__fish_isomirror_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand status" -l json -d 'Print the whole state document as JSON; with --watch one document a line'
complete -c isomirror -n "__fish_isomirror_using_subcommand status" -s w -l watch -d 'Go on telling whatever changes, until Ctrl-C: on a terminal in place'
complete -c isomirror -n "__fish_isomirror_using_subcommand status" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand list" -l json -d 'Print `{"schema": 1, "media": [...]}`, the media as in the state document'
complete -c isomirror -n "__fish_isomirror_using_subcommand list" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand inspect" -l json -d 'Print JSON'
complete -c isomirror -n "__fish_isomirror_using_subcommand inspect" -l count -d 'Also walk the whole tree and count what is in it'
complete -c isomirror -n "__fish_isomirror_using_subcommand inspect" -l why -d 'Also list every signature by which systems are recognised, and what it failed on'
complete -c isomirror -n "__fish_isomirror_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand ls" -s l -l long -d 'Also show mode, links, owner, group, size, time and link targets'
complete -c isomirror -n "__fish_isomirror_using_subcommand ls" -s 0 -l null -d 'End names by NUL and print them as they are'
complete -c isomirror -n "__fish_isomirror_using_subcommand ls" -l json -d 'Print JSON'
complete -c isomirror -n "__fish_isomirror_using_subcommand ls" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand cat" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand mount" -l backend -d 'Which way to mount: auto, kernel, erofs or fuse' -r
complete -c isomirror -n "__fish_isomirror_using_subcommand mount" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand umount" -l config -d 'Configuration file that names the web root' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand umount" -l webroot -d 'Web root, instead of the configuration\'s' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand umount" -l all -d 'Take down everything of isomirror\'s below the web root; refused while isomirrord runs'
complete -c isomirror -n "__fish_isomirror_using_subcommand umount" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand verify" -l key -d 'File with public keys of OpenPGP, minisign or signify that are to be trusted too' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand verify" -l json -d 'Print `{"schema": 1, "results": [...]}`'
complete -c isomirror -n "__fish_isomirror_using_subcommand verify" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand eject" -l force -d 'Do not wait for readers: cut them off and tell which processes that were'
complete -c isomirror -n "__fish_isomirror_using_subcommand eject" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand rescan" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -l config -d 'Configuration file, where no daemon runs' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -l all -d 'Everything that is in the catalog and can be fetched'
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -l force -d 'Fetch again what is there already'
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -l dry-run -d 'Only tell what is offered now, and what vouches for it; the store is not looked at'
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -l json -d 'Print `{"schema": 1, "results": [...]}`, as `fetch` in the state document, when all is done'
complete -c isomirror -n "__fish_isomirror_using_subcommand fetch" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and not __fish_seen_subcommand_from list show check help" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and not __fish_seen_subcommand_from list show check help" -f -a "list" -d 'List what can be fetched, one entry a line'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and not __fish_seen_subcommand_from list show check help" -f -a "show" -d 'Show one entry'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and not __fish_seen_subcommand_from list show check help" -f -a "check" -d 'Check the catalog and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and not __fish_seen_subcommand_from list show check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from list" -l json -d 'Print `{"schema": 1, "entries": [...]}`'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from help" -f -a "list" -d 'List what can be fetched, one entry a line'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one entry'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the catalog and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand catalog; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand doctor" -l config -d 'Configuration file, instead of the one that the daemon reads' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand doctor" -l json -d 'Print `{"schema": 1, "level": ..., "findings": [{"level", "check", "object", "text", "remedy"}]}`'
complete -c isomirror -n "__fish_isomirror_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Check the configuration and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Print the effective configuration as YAML, defaults included, with the origin of each value'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from show" -l images -d 'Directory of images, as for isomirrord' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from show" -l webroot -d 'Web root, as for isomirrord' -r -F
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from show" -l listen -d 'Address of the HTTP server, as for isomirrord' -r
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print `{"schema": 1, "files": [...], "config": {...}, "origins": {KEY: {"kind": ...}}}`'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Check the configuration and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the effective configuration as YAML, defaults included, with the origin of each value'
complete -c isomirror -n "__fish_isomirror_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "status" -d 'Show what is served, since when, and what is wrong'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "list" -d 'List the published media, one a line'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "inspect" -d 'Show what an image or a disc says of itself, what is on it and how it boots'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "ls" -d 'List a directory of an image'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "cat" -d 'Write a file of an image to standard output'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "mount" -d 'Mount an image or a disc on a directory, read-only'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "umount" -d 'Unmount what `isomirror mount` mounted, or everything of ours below the web root'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "verify" -d 'Check images, discs and trees against everything that speaks about them'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "eject" -d 'Have the daemon let go of a disc and open its drive'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "rescan" -d 'Have the daemon look at all drives and directories again'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "fetch" -d 'Fetch images of the catalog, verified, into the store'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "catalog" -d 'List, show or check what can be fetched'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "doctor" -d 'Look at this host and say what would fail, and how to mend it'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "config" -d 'Check or show the configuration'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and not __fish_seen_subcommand_from status list inspect ls cat mount umount verify eject rescan fetch catalog doctor config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and __fish_seen_subcommand_from catalog" -f -a "list" -d 'List what can be fetched, one entry a line'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and __fish_seen_subcommand_from catalog" -f -a "show" -d 'Show one entry'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and __fish_seen_subcommand_from catalog" -f -a "check" -d 'Check the catalog and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Check the configuration and tell all that is wrong with it'
complete -c isomirror -n "__fish_isomirror_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print the effective configuration as YAML, defaults included, with the origin of each value'
