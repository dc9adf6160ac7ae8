"""What a page shows: figures (`plots`, `widgets`), and where a stuck curve stands (`levels`)."""
