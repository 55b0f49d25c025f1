complete -c isomirrord -l config -d 'Configuration file' -r -F
complete -c isomirrord -l roles -d 'Roles to play, separated by commas; all unless told' -r -f -a "mount\t'Find media and mount them'
fetch\t'Download images'
serve\t'Serve over HTTP'"
complete -c isomirrord -l images -d 'Directory of images, with its subdirectories; instead of those of the file. May be given more than once' -r -F
complete -c isomirrord -l webroot -d 'Directory below which media are mounted, instead of the file\'s' -r -F
complete -c isomirrord -l listen -d 'Address and port of the HTTP server, or `unix:` and the path of a socket, instead of the file\'s; port 0 takes a free one. May be given more than once' -r
complete -c isomirrord -s h -l help -d 'Print help (see more with \'--help\')'
complete -c isomirrord -s V -l version -d 'Print version'
