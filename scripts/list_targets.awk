# Print the targets of a Makefile with the comments that follow them: `target: ... ## comment`
# is a target, `##@ text` a heading.

BEGIN {
	print "Vivavoce: a self-hosted server that speaks the OpenAI Realtime API."
}

/^##@ / {
	printf "\n%s\n", substr($0, 5)
}

/^[a-z-]+:.* ## / {
	target = $0
	sub(/:.*/, "", target)
	comment = $0
	sub(/.* ## /, "", comment)
	printf "  make %-13s %s\n", target, comment
}
