# VDPA_TRY_CFLAGS(VARIABLE, FLAGS): append each of FLAGS that the C compiler takes to VARIABLE.
AC_DEFUN([VDPA_TRY_CFLAGS], [
	for vdpa_flag in $2; do
		AC_MSG_CHECKING([whether $CC takes $vdpa_flag])
		vdpa_saved=$CFLAGS
		# A compiler may take any -Wno-x, and may only warn of what it does not know.
		CFLAGS="$CFLAGS -Werror $(echo "$vdpa_flag" | sed 's/^-Wno-/-W/')"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="[$]$1 $vdpa_flag"], [AC_MSG_RESULT([no])])
		CFLAGS=$vdpa_saved
	done
])

# VDPA_TRY_LDFLAGS(VARIABLE, FLAGS): the same for the linker.
AC_DEFUN([VDPA_TRY_LDFLAGS], [
	for vdpa_flag in $2; do
		AC_MSG_CHECKING([whether linking takes $vdpa_flag])
		vdpa_saved=$LDFLAGS
		LDFLAGS="$LDFLAGS $vdpa_flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
			[AC_MSG_RESULT([yes]); $1="[$]$1 $vdpa_flag"], [AC_MSG_RESULT([no])])
		LDFLAGS=$vdpa_saved
	done
])
